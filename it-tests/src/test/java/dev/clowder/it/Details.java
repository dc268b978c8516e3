package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.it.HttpConnection.Response;
import java.util.Map;
import java.util.TreeMap;

/** What {@link dev.clowder.it.app.DetailsServlet} said. */
final class Details {
    private Details() {}

    static Map<String, String> of(Response response) {
        assertThat(response.status()).as(response.body()).isEqualTo(200);
        Map<String, String> details = new TreeMap<>();
        response.body().lines().forEach(line -> {
            int equals = line.indexOf('=');
            details.put(line.substring(0, equals), line.substring(equals + 1));
        });
        return details;
    }
}
