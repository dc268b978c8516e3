package dev.clowder.launcher.check;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.clowder.launcher.config.ConfigException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JourneysTest {
    @TempDir
    private Path files;

    private Path file(String text) throws IOException {
        return Files.writeString(files.resolve("journey"), text);
    }

    @Test
    void aScriptHasALineForEachRequest() throws Exception {
        assertThat(Journeys.script(file("""
                # a comment

                get /
                POST /cart 302 item=7&count=1
                POST /orders {"pay": "cash"}
                GET /search?q=1 404
                """)))
                .containsExactly(
                        new Step("GET", "/", "", "", 0),
                        new Step("POST", "/cart", Step.FORM, "item=7&count=1", 302),
                        new Step("POST", "/orders", "application/json", "{\"pay\": \"cash\"}", 0),
                        new Step("GET", "/search?q=1", "", "", 404));
    }

    @ParameterizedTest
    @ValueSource(strings = {"GET", "GET http://somewhere/", "/ GET", "G3T /"})
    void aWrongLineIsNamed(String line) {
        assertThatThrownBy(() -> Journeys.script(file("GET /\n" + line)))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("line 2");
    }

    @Test
    void anArchiveOfABrowserGivesItsRequestsToTheFirstHost() throws Exception {
        Path har = file("""
                {"log": {"entries": [
                  {"request": {"method": "GET", "url": "https://shop.example/app"}},
                  {"request": {"method": "GET", "url": "https://fonts.example/app/font.woff"}},
                  {"request": {"method": "GET", "url": "https://shop.example/other/"}},
                  {"request": {"method": "POST", "url": "https://shop.example/app/cart?x=1",
                    "postData": {"mimeType": "application/json", "text": "{}"}}}]}}
                """);
        assertThat(Journeys.har(har, "/app"))
                .containsExactly(
                        new Step("GET", "/app", "", "", 0),
                        new Step("POST", "/app/cart?x=1", "application/json", "{}", 0));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "{", "{}", "[]", "{\"log\": {\"entries\": [{\"request\": {\"url\": \"http://[\"}}]}}"})
    void whatIsNoArchiveIsRefused(String text) {
        assertThatThrownBy(() -> Journeys.har(file(text), ""))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("--har");
    }
}
