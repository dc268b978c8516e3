package dev.clowder.valve;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.util.HexFormat;
import java.util.Objects;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/** The cases of kind {@code proxy} in {@code forwarding.json}. */
final class ProxyVectors {
    private ProxyVectors() {}

    static Stream<Vector> all() {
        try (InputStream file = ProxyVectors.class.getResourceAsStream("/forwarding.json")) {
            JsonNode cases = new ObjectMapper().readTree(Objects.requireNonNull(file, "forwarding.json"));
            return StreamSupport.stream(cases.spliterator(), false)
                    .filter(one -> one.get("kind").asText().equals("proxy"))
                    .map(Vector::new);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    static Stream<Vector> accepted() {
        return all().filter(Vector::accepted).filter(vector -> vector.header().length > 0);
    }

    static Stream<Vector> refused() {
        return all().filter(vector -> !vector.accepted());
    }

    static Stream<Vector> overSockets() {
        return all().filter(vector -> !vector.json.path("level").asText().equals("parser"));
    }

    record Vector(JsonNode json) {
        JsonNode expect() {
            return json.get("expect");
        }

        boolean accepted() {
            return expect().get("accepted").asBoolean();
        }

        byte[] header() {
            return HexFormat.of().parseHex(json.get("proxy_hex").asText());
        }

        byte[] following() {
            return HexFormat.of().parseHex(json.path("followed_by_hex").asText());
        }

        String attribute(String name, String otherwise) {
            return json.get("attributes").path(name).asText(otherwise);
        }

        @Override
        public String toString() {
            return json.get("id").asText();
        }
    }
}
