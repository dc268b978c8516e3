package dev.clowder.valve;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Everything that is configured, compiled and checked once at start; the request path only applies it. Immutable
 * but for what it remembers.
 *
 * @param trust who may speak for a client
 * @param family the one family of headers that is read
 * @param names the headers that matter, by role
 * @param rejectConflict whether a second family that names another client is answered with 400
 * @param rejectMalformed whether a bad member in the chain is answered with 400
 * @param strip whether headers that were not believed are removed
 * @param hosts which forwarded hosts are believed; null for all
 * @param subdomainOffset labels at the right end of a host name that are no sub-domain
 * @param requestAttributes whether the attributes for an access log with requestAttributesEnabled are set
 * @param remoteIp what else holds in place of Tomcat's RemoteIpValve; null in the own form of the settings
 * @param recent what this policy came to of late; null if that may be another thing the next time, or is more than it keeps
 */
record ForwardedPolicy(
        TrustedProxies trust,
        Family family,
        HeaderNames names,
        boolean rejectConflict,
        boolean rejectMalformed,
        boolean strip,
        @Nullable AllowedHosts hosts,
        int subdomainOffset,
        boolean requestAttributes,
        @Nullable RemoteIpRules remoteIp,
        @Nullable RecentClients recent) {

    enum Family {
        X_FORWARDED,
        FORWARDED,
        /** One header with one address. */
        SINGLE,
        /** The same, always with a port: CloudFront-Viewer-Address. */
        SINGLE_WITH_PORT
    }

    /** The attributes of the valve that are compiled here. */
    private static final Set<String> ATTRIBUTES = Set.of(
            "trust",
            "trustFile",
            "headers",
            "conflict",
            "malformed",
            "strip",
            "hosts",
            "subdomainOffset",
            "prefix",
            "forHeader",
            "protoHeader",
            "hostHeader",
            "portHeader",
            "prefixHeader",
            "requestAttributesEnabled");

    private static final String DEFAULT_TRUST = "loopback";

    /**
     * Compiles the attributes of the valve.
     *
     * @param attributes the text of each attribute that was set
     * @param fileRules the rules of {@code trustFile}, already split; empty if there is none
     * @param loader finds the class of {@code trust="class:..."}
     * @throws IllegalArgumentException naming the attribute and the text that cannot be right
     */
    static ForwardedPolicy compile(Map<String, String> attributes, List<String> fileRules, ClassLoader loader) {
        AttributeReader reader = new AttributeReader(attributes);
        RemoteIpRules remoteIp = RemoteIpRules.areMeantBy(attributes) ? RemoteIpRules.compile(reader) : null;
        reader.refuseUnknown(ATTRIBUTES, remoteIp == null ? Set.of() : RemoteIpRules.ATTRIBUTES);
        Family family = reader.family();
        boolean strip = remoteIp == null || attributes.containsKey("strip");
        TrustedProxies trust = remoteIp == null ? trust(attributes, fileRules, loader) : remoteIp.trusted();
        return new ForwardedPolicy(
                trust,
                family,
                new HeaderNames(remoteIp == null ? reader.names(family) : reader.namesOfRemoteIpValve()),
                reader.isSecondChoice("conflict", "ignore", "reject"),
                reader.isSecondChoice("malformed", "stop", "reject"),
                strip && !reader.isSecondChoice("strip", "true", "false"),
                reader.hosts(),
                reader.subdomainOffset(),
                reader.flag("requestAttributesEnabled", remoteIp != null),
                remoteIp,
                recent(trust, remoteIp));
    }

    /** Compiles {@code trust} alone, for a start and for each change of {@code trustFile}. */
    static TrustedProxies trust(Map<String, String> attributes, List<String> fileRules, ClassLoader loader) {
        String text = attributes.getOrDefault("trust", DEFAULT_TRUST);
        try {
            return TrustedProxies.compile(text, fileRules, loader);
        } catch (IllegalArgumentException e) {
            throw refused("trust", text, e.getMessage(), e);
        }
    }

    /** The same policy after {@code trustFile} changed. */
    ForwardedPolicy withTrust(TrustedProxies newTrust) {
        return new ForwardedPolicy(
                newTrust,
                family,
                names,
                rejectConflict,
                rejectMalformed,
                strip,
                hosts,
                subdomainOffset,
                requestAttributes,
                remoteIp,
                recent(newTrust, remoteIp));
    }

    private static @Nullable RecentClients recent(TrustedProxies trust, @Nullable RemoteIpRules remoteIp) {
        return trust.mayChange() || remoteIp != null ? null : new RecentClients();
    }

    static IllegalArgumentException refused(
            String attribute, String text, @Nullable String why, @Nullable Throwable cause) {
        return new IllegalArgumentException(attribute + "=\"" + text + "\": " + why, cause);
    }
}
