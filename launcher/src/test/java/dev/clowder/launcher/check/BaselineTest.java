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
    void aKnownCauseHidesNoAnswerThatItDidNotChangeBefore() throws Exception {
        Finding.Effect old = new Finding.Effect(Rule.ANSWER_DIFFERS, "GET /", "GET / answers 1 instead of 2");
        Findings before = found();
        before.of(Rule.MEMORY_DIFFERS, "shop.Counter.hits").explain(old);
        Path file = files.resolve("baseline");
        Baseline.write(file, before);

        Findings same = found();
        same.of(Rule.MEMORY_DIFFERS, "shop.Counter.hits").explain(old);
        Baseline.read(file).applyTo(same);
        assertThat(same.unknown()).isEmpty();

        Findings more = found();
        Finding counter = more.of(Rule.MEMORY_DIFFERS, "shop.Counter.hits");
        counter.explain(old);
        counter.explain(new Finding.Effect(Rule.LOST_BY_RELOAD, "GET /cart", "GET /cart answers 0 instead of 2"));
        Baseline.read(file).applyTo(more);
        assertThat(more.unknown()).extracting(Finding::key).containsExactly("lost-by-reload GET /cart");
        assertThat(counter.known()).isTrue();
    }

    @Test
    void ofACheckThatDidNotComeToItsEndOnlyWhatWasDoneIsOk() {
        Findings findings = found();
        findings.settled(Rule.FILE_WRITTEN, Rule.MEMORY_DIFFERS);
        findings.unfinished("the application did not start again");
        assertThat(findings.verdict(Rule.FILE_WRITTEN)).isEqualTo(Findings.Verdict.OK);
        assertThat(findings.verdict(Rule.MEMORY_DIFFERS)).isEqualTo(Findings.Verdict.FOUND);
        assertThat(findings.verdict(Rule.TOGETHER)).isEqualTo(Findings.Verdict.NOT_LOOKED_AT);
        assertThat(findings.why(Rule.TOGETHER)).isEqualTo("the application did not start again");
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
