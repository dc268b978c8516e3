package dev.clowder.valve;

import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * The settings of Tomcat's {@code RemoteIpValve} (10.1 and 11.0), for a {@code server.xml} in which only the class name
 * of that valve was changed. As soon as one of {@link #ATTRIBUTES} is set its defaults hold for the others. Immutable.
 *
 * @param trusted internal and other proxies
 * @param internal the proxies that are not named to the application
 * @param proxiesHeader where the application finds the other proxies; empty for nowhere
 * @param httpsValue lower case; the value of the protocol header that means https
 * @param changeLocalName whether the forwarded host is also the local name
 * @param changeLocalPort whether the forwarded port is also the local port
 */
record RemoteIpRules(
        TrustedProxies trusted,
        TrustedProxies internal,
        String proxiesHeader,
        String httpsValue,
        int httpPort,
        int httpsPort,
        boolean changeLocalName,
        boolean changeLocalPort) {

    /** Those of its attributes that exist there alone and concern proxies; hostHeader and portHeader exist here too. */
    static final Set<String> ATTRIBUTES = Set.of(
            "internalProxies",
            "trustedProxies",
            "remoteIpHeader",
            "proxiesHeader",
            "protocolHeader",
            "protocolHeaderHttpsValue",
            "httpServerPort",
            "httpsServerPort",
            "changeLocalName",
            "changeLocalPort");

    /** Every range that is not routed on the Internet; 10.1 says the same as one regular expression. */
    static final String INTERNAL_PROXIES =
            "10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 169.254.0.0/16, 100.64.0.0/10, 127.0.0.0/8, ::1/128, fe80::/10, "
                    + "fc00::/7";

    private static final String[] OURS = {
        "trust", "trustFile", "headers", "forHeader", "protoHeader", "prefix", "prefixHeader"
    };

    /** Whether somebody relies on Tomcat's meaning and defaults. */
    static boolean areMeantBy(Map<String, String> attributes) {
        return attributes.keySet().stream().anyMatch(ATTRIBUTES::contains);
    }

    /** @throws IllegalArgumentException naming the attribute and the text that cannot be right */
    static RemoteIpRules compile(AttributeReader reader) {
        String theirs = reader.attributes().keySet().stream()
                .filter(ATTRIBUTES::contains)
                .findFirst()
                .orElseThrow();
        for (String ours : OURS) {
            reader.refuse(ours, "cannot stand beside " + theirs + ", which is meant for RemoteIpValve");
        }
        String internal = reader.text("internalProxies", INTERNAL_PROXIES);
        String trusted = reader.text("trustedProxies", "");
        TrustedProxies unnamed = compile(reader, "internalProxies", internal);
        compile(reader, "trustedProxies", trusted);
        String proxiesHeader = reader.text("proxiesHeader", "X-Forwarded-By");
        if (!proxiesHeader.chars().allMatch(c -> ForwardedHeader.isTokenChar((char) c))) {
            throw reader.refused("proxiesHeader", "is no name of a header");
        }
        return new RemoteIpRules(
                TrustedProxies.ofAny(internal, trusted),
                unnamed,
                proxiesHeader,
                reader.text("protocolHeaderHttpsValue", "https").toLowerCase(Locale.ROOT),
                reader.port("httpServerPort", "80"),
                reader.port("httpsServerPort", "443"),
                reader.flag("changeLocalName", false),
                reader.flag("changeLocalPort", false));
    }

    private static TrustedProxies compile(AttributeReader reader, String attribute, String text) {
        try {
            return TrustedProxies.ofAny(text);
        } catch (IllegalArgumentException e) {
            throw reader.refused(attribute, e.getMessage());
        }
    }
}
