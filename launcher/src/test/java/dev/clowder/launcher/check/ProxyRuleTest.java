package dev.clowder.launcher.check;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ProxyRuleTest {
    @ParameterizedTest
    @CsvSource({
        "<a href='http://localhost:8123/cart'>,            true",
        "<a href='https://127.0.0.1:8123/cart'>,           true",
        "<a href='http://clowder-check.example/cart'>,     true",
        "<a href='http://clowder-check.example'>,          true",
        "<a href='https://clowder-check.example/cart'>,    false",
        "<a href='http://clowder-check.example.org/cart'>, false",
        "<a href='http://localhost:3000/cart'>,            false",
        "<a href='/cart'>,                                 false",
    })
    void aLinkToTheInnerHostOrToHttpIsFound(String body, boolean found) {
        Findings findings = new Findings();
        ProxyRule.link(Step.get("/"), new Answer(200, Map.of(), body.replace('\'', '"')), 8123, findings);
        assertThat(findings.has(Rule.FORGETS_PROXY)).isEqualTo(found);
    }
}
