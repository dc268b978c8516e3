package dev.clowder.valve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.clowder.valve.Vectors.Vector;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.assertj.core.api.SoftAssertions;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every example of forwarding.json, put to the rules alone; no server. */
class ForwardingVectorsTest {

    /** Refused by the HTTP parser before any rule is asked. */
    private static final String PARSER_CASE = "sec-alias-space";

    static Stream<Vector> http() {
        return Vectors.ofKind("http").filter(v -> !v.id().equals(PARSER_CASE));
    }

    static Stream<Vector> config() {
        return Vectors.ofKind("config");
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("http")
    void theRequestSaysWhatTheVectorExpects(Vector vector) {
        ForwardedPolicy policy = compile(vector.attributes());
        // One resolver sees both requests of a kept-alive connection, as in the server.
        // Requests on one connection: the object is the same, what it says is not.
        PassingHead head = new PassingHead(vector.head(vector.headers("before")));
        ClientResolver resolver = new ClientResolver(policy, head);
        resolver.resolve();
        head.current = vector.head();

        Forwarded forwarded = resolver.resolve();

        JsonNode expect = vector.expect();
        if (expect.has("status")) {
            assertThat(resolver.isRejected()).isTrue();
            return;
        }
        assertThat(resolver.isRejected()).isFalse();
        SoftAssertions.assertSoftly(softly -> {
            check(softly, expect, "ip", forwarded.getIp());
            check(softly, expect, "protocol", forwarded.getProtocol());
            check(softly, expect, "secure", forwarded.isSecure());
            checkIgnoringCase(softly, expect, "host", forwarded.getHost());
            checkIgnoringCase(softly, expect, "hostname", forwarded.getHostname());
            check(softly, expect, "port", forwarded.getPort());
            check(softly, expect, "prefix", forwarded.getPrefix());
            check(softly, expect, "reason", forwarded.getReason());
            check(softly, expect, "remotePort", forwarded.remotePort());
            checkList(softly, expect, "ips", forwarded.getIps());
            checkList(softly, expect, "subdomains", forwarded.getSubdomains());
            if (expect.has("ipNot")) {
                softly.assertThat(forwarded.getIp())
                        .isNotEqualTo(expect.get("ipNot").asText());
            }
            checkPaths(softly, vector, forwarded);
            checkStripped(softly, vector, resolver);
        });
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("config")
    void aRuleThatCannotBeRightIsRefusedAndNamed(Vector vector) {
        if (vector.expect().get("configError").asBoolean()) {
            assertThatThrownBy(() -> compile(vector.attributes()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("trust=\"" + vector.attributes().get("trust") + "\"");
        } else {
            assertThatCode(() -> compile(vector.attributes())).doesNotThrowAnyException();
        }
    }

    private static ForwardedPolicy compile(Map<String, String> attributes) {
        return ForwardedPolicy.compile(attributes, List.of(), ForwardingVectorsTest.class.getClassLoader());
    }

    private static void check(SoftAssertions softly, JsonNode expect, String field, Object actual) {
        if (expect.has(field)) {
            softly.assertThat(String.valueOf(actual))
                    .as(field)
                    .isEqualTo(expect.get(field).asText());
        }
    }

    private static void checkIgnoringCase(SoftAssertions softly, JsonNode expect, String field, String actual) {
        if (expect.has(field)) {
            softly.assertThat(actual)
                    .as(field)
                    .isEqualToIgnoringCase(expect.get(field).asText());
        }
    }

    private static void checkList(SoftAssertions softly, JsonNode expect, String field, List<String> actual) {
        if (expect.has(field)) {
            List<String> wanted = new ArrayList<>();
            expect.get(field).forEach(e -> wanted.add(e.asText()));
            softly.assertThat(actual).as(field).isEqualTo(wanted);
        }
    }

    /** The paths and the URL that follow from the prefix, the host and the port. */
    private static void checkPaths(SoftAssertions softly, Vector vector, Forwarded forwarded) {
        String context = vector.text("context", "");
        String outside = forwarded.contextPath() == null ? context : forwarded.contextPath();
        String uri = outside + vector.text("path", "/").substring(context.length());
        String url = forwarded.getProtocol() + "://" + forwarded.getHost() + uri;
        JsonNode expect = vector.expect();
        check(softly, expect, "contextPath", outside);
        check(softly, expect, "requestURI", uri);
        check(softly, expect, "url", url);
        if (expect.has("redirect")) {
            JsonNode redirect = expect.get("redirect");
            softly.assertThat(
                            URI.create(url).resolve(redirect.get("to").asText()).toString())
                    .isEqualTo(redirect.get("location").asText());
        }
    }

    private static void checkStripped(SoftAssertions softly, Vector vector, ClientResolver resolver) {
        vector.expect().path("headersAfter").properties().forEach(header -> {
            List<@Nullable String> left = new ArrayList<>();
            List<Map.Entry<String, String>> sent = vector.headers("headers");
            for (int i = 0; i < sent.size(); i++) {
                if (sent.get(i).getKey().equalsIgnoreCase(header.getKey()) && resolver.strippedBefore(i + 1) != i) {
                    left.add(sent.get(i).getValue());
                }
            }
            List<String> wanted = header.getValue().isNull()
                    ? List.of()
                    : List.of(header.getValue().asText());
            softly.assertThat(left).as(header.getKey()).isEqualTo(wanted);
        });
    }
}
