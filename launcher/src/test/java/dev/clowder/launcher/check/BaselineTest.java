package dev.clowder.launcher.check;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.clowder.launcher.config.ConfigException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BaselineTest {
    @TempDir
    private Path files;

    private static Findings found() {
        Findings findings = new Findings();
        findings.of(Rule.LOST_WITH_WORKER, "GET /").add("evidence");
        findings.of(Rule.MEMORY_DIFFERS, "shop.Counter.hits").add("evidence");
        return findings;
    }

    @Test
    void whatWasWrittenIsKnownNextTime() throws Exception {
        Path file = files.resolve("baseline");
        Baseline.write(file, found());
        Findings next = found();
        next.of(Rule.MEMORY_DIFFERS, "shop.Counter.misses");
        Baseline.read(file).applyTo(next);
        assertThat(next.unknown()).extracting(Finding::cause).containsExactly("shop.Counter.misses");
        assertThat(next.verdict(Rule.LOST_WITH_WORKER)).isEqualTo(Findings.Verdict.KNOWN);
        assertThat(next.verdict(Rule.MEMORY_DIFFERS)).isEqualTo(Findings.Verdict.FOUND);
        assertThat(next.verdict(Rule.FILE_WRITTEN)).isEqualTo(Findings.Verdict.OK);
    }

    @Test
    void theMostTellingComesFirst() {
        assertThat(found().list())
                .extracting(Finding::rule)
                .containsExactly(Rule.MEMORY_DIFFERS, Rule.LOST_WITH_WORKER);
    }

    @Test
    void aRuleThatWasNotLookedAtIsNotOk() {
        Findings findings = found();
        findings.notLookedAt(Rule.FILE_WRITTEN, "no flight recorder");
        assertThat(findings.verdict(Rule.FILE_WRITTEN)).isEqualTo(Findings.Verdict.NOT_LOOKED_AT);
        assertThat(new Report("shop.war", List.of(), List.of(), findings).text())
                .contains("file-written               not looked at: no flight recorder");
    }

    @Test
    void anUnknownRuleIsRefusedWithItsLine() throws Exception {
        Path file = Files.writeString(files.resolve("baseline"), "# known\n\nmemory-difers shop.Counter.hits\n");
        assertThatThrownBy(() -> Baseline.read(file))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("line 3")
                .hasMessageContaining("memory-difers");
    }

    @Test
    void aPageShowsTextAsText() {
        Findings findings = new Findings();
        findings.of(Rule.ANSWER_DIFFERS, "GET /<script>").add("«<b>» instead of «&»");
        assertThat(new Report("a&b.war", List.of(Step.get("/<i>")), List.of(), findings).html())
                .contains("a&amp;b.war", "GET /&lt;script&gt;", "«&lt;b&gt;» instead of «&amp;»", "/&lt;i&gt;")
                .doesNotContain("<script>", "<b>", "<i>");
    }
}
