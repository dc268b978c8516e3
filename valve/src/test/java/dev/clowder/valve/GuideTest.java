package dev.clowder.valve;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The guides and the code say the same. */
class GuideTest {

    private static final Path DOCS = Path.of("..", "docs");

    @Test
    void everyAttributeIsInTheGuide() throws IOException {
        String guides =
                Files.readString(DOCS.resolve("forwarded.md")) + Files.readString(DOCS.resolve("remote-ip-valve.md"));
        List<String> attributes = Arrays.stream(ForwardedAttributes.class.getDeclaredMethods())
                .map(Method::getName)
                .filter(name -> name.startsWith("set") && !name.equals("setProperty"))
                .map(name -> Character.toLowerCase(name.charAt(3)) + name.substring(4))
                .toList();
        assertThat(attributes).contains("trust", "internalProxies");
        for (String attribute : attributes) {
            assertThat(guides).contains("`" + attribute + "`");
        }
    }

    @Test
    void everyReasonIsInTheGuide() throws IOException {
        String guide = Files.readString(DOCS.resolve("forwarded.md"));
        for (Forwarded.Reason reason : Forwarded.Reason.values()) {
            assertThat(guide).contains("`" + reason + "`");
        }
    }

    @Test
    void everyDifferenceToRemoteIpValveNamesATestThatExists() throws IOException {
        List<String> tests = Arrays.stream(RemoteIpDifferencesTest.class.getDeclaredMethods())
                .map(Method::getName)
                .toList();
        Matcher last = Pattern.compile("\\| `([a-z]\\w+)` \\|$", Pattern.MULTILINE)
                .matcher(Files.readString(DOCS.resolve("remote-ip-valve.md")));
        int found = 0;
        while (last.find()) {
            assertThat(tests).contains(last.group(1));
            found++;
        }
        assertThat(found).isGreaterThan(7);
    }
}
