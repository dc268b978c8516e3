package dev.clowder.launcher.check;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class ReportTest {
    @Test
    void whatWasLeftOutIsInEachKindOfReport() {
        Report report = new Report(
                "shop.war", List.of(Step.get("/")), List.of("GET /clock: not compared, it <changes>"), new Findings());
        assertThat(report.text()).contains("GET /clock: not compared, it <changes>");
        assertThat(report.json()).contains("GET /clock: not compared, it <changes>");
        assertThat(report.html()).contains("<li>GET /clock: not compared, it &lt;changes&gt;</li>");
    }
}
