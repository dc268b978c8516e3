package dev.clowder.valve;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/** The executable examples of forwarding.json. */
final class Vectors {

    /** One case; its name is its id. */
    record Vector(String id, JsonNode json) {

        Map<String, String> attributes() {
            Map<String, String> attributes = new LinkedHashMap<>();
            json.get("attributes")
                    .properties()
                    .forEach(e -> attributes.put(e.getKey(), e.getValue().asText()));
            return attributes;
        }

        JsonNode expect() {
            return json.get("expect");
        }

        String text(String field, String byDefault) {
            return json.path(field).asText(byDefault);
        }

        /** The head as the peer and the base of the case describe it. */
        GivenHead head() {
            return head(headers("headers"));
        }

        GivenHead head(List<Map.Entry<String, String>> headers) {
            JsonNode base = json.get("base");
            String scheme = base.get("scheme").asText();
            String peer = text("peer", "");
            return new GivenHead(
                    peer.equals("unix:") ? "unix" : peer,
                    true,
                    scheme,
                    scheme.equals("https"),
                    base.get("host").asText(),
                    base.get("port").asInt(),
                    headers);
        }

        List<Map.Entry<String, String>> headers(String field) {
            List<Map.Entry<String, String>> headers = new ArrayList<>();
            json.path(field)
                    .forEach(h ->
                            headers.add(Map.entry(h.get(0).asText(), h.get(1).asText())));
            return headers;
        }

        @Override
        public String toString() {
            return id;
        }
    }

    private Vectors() {}

    static Stream<Vector> ofKind(String kind) {
        try (InputStream json = Objects.requireNonNull(Vectors.class.getResourceAsStream("/forwarding.json"))) {
            return StreamSupport.stream(new ObjectMapper().readTree(json).spliterator(), false)
                    .filter(node -> node.get("kind").asText().equals(kind))
                    .map(node -> new Vector(node.get("id").asText(), node));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
