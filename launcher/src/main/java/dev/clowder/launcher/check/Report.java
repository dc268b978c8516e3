package dev.clowder.launcher.check;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jsoup.nodes.Entities;

/** The result for people in a terminal or a browser, and for programs. */
final class Report {
    private final String application;
    private final List<Step> journey;
    private final List<String> leftOut;
    private final Findings findings;

    Report(String application, List<Step> journey, List<String> leftOut, Findings findings) {
        this.application = application;
        this.journey = journey;
        this.leftOut = leftOut;
        this.findings = findings;
    }

    /** What is new, then a line for each rule. */
    String text() {
        StringBuilder text = new StringBuilder();
        for (Finding finding : findings.unknown()) {
            text.append("FOUND ").append(finding.rule().id()).append(": ");
            text.append(finding.rule().title())
                    .append("\n      ")
                    .append(finding.cause())
                    .append('\n');
            finding.evidence()
                    .forEach(line -> text.append("      - ").append(line).append('\n'));
            text.append("      ").append(finding.rule().advice()).append("\n\n");
        }
        for (Rule rule : Rule.values()) {
            text.append(String.format("%-26s %s%n", rule.id(), verdict(rule)));
        }
        leftOut.forEach(line -> text.append("left out: ").append(line).append('\n'));
        return text.append('\n').append(summary()).append('\n').toString();
    }

    private String verdict(Rule rule) {
        String why = findings.why(rule);
        return findings.verdict(rule) + (why.isEmpty() ? "" : ": " + why);
    }

    private String summary() {
        long known = findings.list().stream().filter(Finding::known).count();
        int found = findings.unknown().size();
        return application + ": " + (found == 0 ? "nothing" : String.valueOf(found)) + " found"
                + (known == 0 ? "" : ", " + known + " known from the baseline") + ", " + journey.size() + " requests";
    }

    String json() {
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("application", application);
        all.put("requests", journey.stream().map(Step::toString).toList());
        all.put("leftOut", leftOut);
        List<Object> rules = new ArrayList<>();
        for (Rule rule : Rule.values()) {
            Map<String, Object> one = new LinkedHashMap<>();
            one.put("id", rule.id());
            one.put("title", rule.title());
            one.put("verdict", findings.verdict(rule).toString());
            one.put("why", findings.why(rule));
            rules.add(one);
        }
        all.put("rules", rules);
        List<Object> found = new ArrayList<>();
        for (Finding finding : findings.list()) {
            Map<String, Object> one = new LinkedHashMap<>();
            one.put("rule", finding.rule().id());
            one.put("title", finding.rule().title());
            one.put("cause", finding.cause());
            one.put("evidence", finding.evidence());
            one.put("advice", finding.rule().advice());
            one.put("known", finding.known());
            found.add(one);
        }
        all.put("findings", found);
        try {
            return new JsonMapper().writerWithDefaultPrettyPrinter().writeValueAsString(all);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    String html() {
        StringBuilder html =
                new StringBuilder("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>");
        html.append(escape("clowder check " + application)).append("</title>\n<style>");
        html.append("body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}");
        html.append(
                "section{border-left:.3rem solid #b00020;padding-left:1rem;margin:1.5rem 0}section.known{border-color:#767676}");
        html.append(
                "td,th{text-align:left;padding:.2rem 1rem .2rem 0}code,li{font-family:ui-monospace,monospace}</style></head><body>\n");
        html.append("<h1>").append(escape("clowder check " + application)).append("</h1>\n<p>");
        html.append(escape(summary())).append("</p>\n");
        for (Finding finding : findings.list()) {
            html.append(finding.known() ? "<section class=\"known\"><h2>Known: " : "<section><h2>");
            html.append(escape(finding.rule().title())).append("</h2><p><code>").append(escape(finding.cause()));
            html.append("</code></p><ul>");
            finding.evidence()
                    .forEach(line -> html.append("<li>").append(escape(line)).append("</li>"));
            html.append("</ul><p>").append(escape(finding.rule().advice())).append("</p></section>\n");
        }
        html.append("<table><thead><tr><th>Rule</th><th>Verdict</th></tr></thead><tbody>\n");
        for (Rule rule : Rule.values()) {
            html.append("<tr><td>").append(escape(rule.title())).append("</td><td>");
            html.append(escape(verdict(rule))).append("</td></tr>\n");
        }
        html.append("</tbody></table>\n<h2>Requests</h2><ol>");
        journey.forEach(
                step -> html.append("<li>").append(escape(step.toString())).append("</li>"));
        html.append("</ol>\n");
        if (!leftOut.isEmpty()) {
            html.append("<h2>Left out</h2><ul>");
            leftOut.forEach(line -> html.append("<li>").append(escape(line)).append("</li>"));
            html.append("</ul>\n");
        }
        return html.append("</body></html>\n").toString();
    }

    private static String escape(String text) {
        return Entities.escape(text);
    }
}
