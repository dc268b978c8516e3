package dev.clowder.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What the documents point to is there: tests that they name, and what their links lead to. */
@Tag("once")
class DocumentsTest {
    private static final Path ROOT = Path.of("..");
    private static final Pattern NAMED =
            Pattern.compile("`([A-Z]\\w*(?:[a-z]Test|[a-z\\d]IT|Contract))(?:\\.(\\w+))?`");
    private static final Pattern LINK = Pattern.compile("\\]\\((?!\\w+:)([^)#\\s]*)(?:#([^)\\s]+))?\\)");
    private static final Pattern HEADING = Pattern.compile("(?m)^#+ (.*)$");
    private static final Pattern PARENT = Pattern.compile("\\bclass \\w+ extends (\\w+)");

    private static Map<String, String> sources() throws IOException {
        Map<String, String> sources = new HashMap<>();
        for (String module : List.of("valve", "launcher", "it-tests")) {
            try (Stream<Path> files = Files.walk(ROOT.resolve(module).resolve("src/test/java"))) {
                for (Path file :
                        files.filter(path -> path.toString().endsWith(".java")).toList()) {
                    sources.put(file.getFileName().toString().replace(".java", ""), Files.readString(file));
                }
            }
        }
        return sources;
    }

    private static List<Path> documents() throws IOException {
        List<Path> documents = new ArrayList<>();
        try (Stream<Path> top = Files.list(ROOT);
                Stream<Path> docs = Files.walk(ROOT.resolve("docs"))) {
            Stream.concat(top, docs)
                    .filter(path -> path.toString().endsWith(".md"))
                    .forEach(documents::add);
        }
        return documents;
    }

    /** Also one that it has from its parent. */
    private static boolean hasMethod(Map<String, String> sources, String type, String method) {
        String source = sources.getOrDefault(type, "");
        if (Pattern.compile("\\bvoid " + method + "\\(").matcher(source).find()) {
            return true;
        }
        Matcher parent = PARENT.matcher(source);
        return parent.find() && hasMethod(sources, parent.group(1), method);
    }

    @Test
    void eachTestThatADocumentNamesIsThere() throws IOException {
        Map<String, String> sources = sources();
        List<String> missing = new ArrayList<>();
        int found = 0;
        for (Path document : documents()) {
            Matcher named = NAMED.matcher(Files.readString(document));
            while (named.find()) {
                boolean there = named.group(2) == null
                        ? sources.containsKey(named.group(1))
                        : hasMethod(sources, named.group(1), named.group(2));
                found++;
                if (!there) {
                    missing.add(document + ": " + named.group());
                }
            }
        }
        assertThat(missing).isEmpty();
        assertThat(found).as("the pattern still finds them").isGreaterThan(100);
    }

    @Test
    void eachLinkFromADocumentToAnotherLeadsThere() throws IOException {
        List<String> broken = new ArrayList<>();
        int found = 0;
        for (Path document : documents()) {
            Matcher link = LINK.matcher(Files.readString(document));
            while (link.find()) {
                Path target = link.group(1).isEmpty() ? document : document.resolveSibling(link.group(1));
                found++;
                if (!Files.exists(target)
                        || (link.group(2) != null && !headings(target).contains(link.group(2)))) {
                    broken.add(document + ": " + link.group());
                }
            }
        }
        assertThat(broken).isEmpty();
        assertThat(found).as("the pattern still finds them").isGreaterThan(50);
    }

    /** As GitHub and GitLab make names of them. */
    private static List<String> headings(Path document) throws IOException {
        return HEADING.matcher(Files.readString(document))
                .results()
                .map(heading -> heading.group(1)
                        .toLowerCase(Locale.ROOT)
                        .replaceAll("[^\\w\\- ]", "")
                        .replace(' ', '-'))
                .toList();
    }

    @Test
    void eachBehaviourOfNodesClusterHasATestOrAReasonWhyItHasNoMeaningHere() throws IOException {
        List<Integer> told = new ArrayList<>();
        for (String line : Files.readAllLines(ROOT.resolve("docs/node-cluster.md"))) {
            Matcher row = Pattern.compile("\\| (\\d[\\d, ]*) \\| [^|]+ \\| ([^|]+) \\| ([^|]*)\\|")
                    .matcher(line);
            if (row.matches()) {
                Stream.of(row.group(1).split(", ", -1)).map(Integer::valueOf).forEach(told::add);
                assertThat(row.group(2).startsWith("- ")
                                || NAMED.matcher(row.group(3)).find())
                        .as(line)
                        .isTrue();
            }
        }
        assertThat(told)
                .containsExactlyElementsOf(IntStream.rangeClosed(1, 51).boxed().toList());
    }
}
