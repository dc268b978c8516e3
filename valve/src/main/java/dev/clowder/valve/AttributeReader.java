package dev.clowder.valve;

import dev.clowder.valve.ForwardedPolicy.Family;
import dev.clowder.valve.HeaderNames.Role;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Reads the attributes of the valve except {@code trust}; every complaint names the attribute and its text. An
 * attribute that could have no effect beside the others is refused too: somebody relied on it.
 */
record AttributeReader(Map<String, String> attributes) {

    String text(String attribute, String byDefault) {
        return attributes.getOrDefault(attribute, byDefault).trim();
    }

    private boolean isSet(String attribute) {
        return attributes.containsKey(attribute);
    }

    IllegalArgumentException refused(String attribute, @Nullable String why) {
        return ForwardedPolicy.refused(attribute, text(attribute, ""), why, null);
    }

    /** A name that nobody knows is a slip of the pen that would otherwise leave a default in force. */
    void refuseUnknown(Set<String> known, Set<String> knownToo) {
        for (String attribute : attributes.keySet()) {
            if (!known.contains(attribute) && !knownToo.contains(attribute)) {
                throw refused(attribute, "there is no such attribute");
            }
        }
    }

    /** Whether the second of two words was chosen; the first is the default. */
    boolean isSecondChoice(String attribute, String first, String second) {
        String text = text(attribute, first).toLowerCase(Locale.ROOT);
        if (!text.equals(first) && !text.equals(second)) {
            throw refused(attribute, "must be " + first + " or " + second);
        }
        return text.equals(second);
    }

    Family family() {
        String headers = text("headers", "x-forwarded").toLowerCase(Locale.ROOT);
        return switch (headers) {
            case "x-forwarded" -> Family.X_FORWARDED;
            case "forwarded" -> Family.FORWARDED;
            case "cloudfront-viewer-address" -> Family.SINGLE_WITH_PORT;
            default -> {
                if (headers.startsWith("x-forwarded-")) {
                    throw refused("headers", "is one header of the family x-forwarded: write headers=\"x-forwarded\"");
                }
                yield Family.SINGLE;
            }
        };
    }

    /** The header of each role that is read. */
    Map<Role, String> names(Family family) {
        Map<Role, String> names = new EnumMap<>(Role.class);
        switch (family) {
            case X_FORWARDED -> {
                name(names, Role.CHAIN, "forHeader", "X-Forwarded-For");
                name(names, Role.PROTO, "protoHeader", "X-Forwarded-Proto");
                name(names, Role.HOST, "hostHeader", "X-Forwarded-Host");
                name(names, Role.PORT, "portHeader", "X-Forwarded-Port");
            }
            case FORWARDED -> {
                name(names, Role.CHAIN, "headers", "Forwarded");
                for (String attribute : new String[] {"forHeader", "protoHeader", "hostHeader", "portHeader"}) {
                    refuse(attribute, "has no effect: headers=\"forwarded\" carries all of this in one header");
                }
            }
            case SINGLE, SINGLE_WITH_PORT -> {
                name(names, Role.CHAIN, "headers", null);
                refuse("forHeader", "has no effect: headers=\"" + text("headers", "") + "\" names the header");
                // Whoever sends such a header ends TLS, and says so in this one. It has no host of its own to tell.
                name(names, Role.PROTO, "protoHeader", "X-Forwarded-Proto");
                name(names, Role.HOST, "hostHeader", null);
                name(names, Role.PORT, "portHeader", null);
            }
        }
        prefix(names, family);
        return names;
    }

    /** The header of each role that is read in place of Tomcat's RemoteIpValve: host and port only if they are named. */
    Map<Role, String> namesOfRemoteIpValve() {
        Map<Role, String> names = new EnumMap<>(Role.class);
        name(names, Role.CHAIN, "remoteIpHeader", "X-Forwarded-For");
        nameUnlessEmpty(names, Role.PROTO, "protocolHeader", "X-Forwarded-Proto");
        nameUnlessEmpty(names, Role.HOST, "hostHeader", "");
        nameUnlessEmpty(names, Role.PORT, "portHeader", "");
        return names;
    }

    private void nameUnlessEmpty(Map<Role, String> names, Role role, String attribute, String byDefault) {
        if (!text(attribute, byDefault).isEmpty()) {
            name(names, role, attribute, byDefault);
        }
    }

    private void prefix(Map<Role, String> names, Family family) {
        if (!isSecondChoice("prefix", "false", "true")) {
            refuse("prefixHeader", "has no effect without prefix=\"true\"");
            return;
        }
        if (family != Family.X_FORWARDED && !isSet("prefixHeader")) {
            throw refused("prefix", "needs prefixHeader beside headers=\"" + text("headers", "") + "\"");
        }
        name(names, Role.PREFIX, "prefixHeader", "X-Forwarded-Prefix");
    }

    void refuse(String attribute, String why) {
        if (isSet(attribute)) {
            throw refused(attribute, why);
        }
    }

    private void name(Map<Role, String> names, Role role, String attribute, @Nullable String byDefault) {
        String name = text(attribute, byDefault == null ? "" : byDefault);
        if (!isSet(attribute) && name.isEmpty()) {
            return;
        }
        // "_" and "." are left out: names with them never count, they are the usual way to smuggle a header.
        if (name.isEmpty()
                || !name.chars().allMatch(c -> ForwardedHeader.isTokenChar((char) c) && c != '_' && c != '.')) {
            throw refused(attribute, "is no name of a header");
        }
        for (String other : names.values()) {
            if (other.equalsIgnoreCase(name)) {
                throw refused(attribute, "is read for something else already");
            }
        }
        names.put(role, name);
    }

    @Nullable
    AllowedHosts hosts() {
        if (!isSet("hosts")) {
            return null;
        }
        try {
            return AllowedHosts.compile(text("hosts", ""));
        } catch (IllegalArgumentException e) {
            throw refused("hosts", e.getMessage());
        }
    }

    /** As Tomcat reads it: true in any case, and anything else is false. */
    boolean flag(String attribute, boolean byDefault) {
        return Boolean.parseBoolean(text(attribute, String.valueOf(byDefault)));
    }

    int port(String attribute, String byDefault) {
        String text = text(attribute, byDefault);
        int port = Decimal.port(text, 0, text.length());
        if (port < 0) {
            throw refused(attribute, "must be a port from 1 to 65535");
        }
        return port;
    }

    int subdomainOffset() {
        String text = text("subdomainOffset", "2");
        int offset = Decimal.parse(text, 0, text.length(), 0, 127);
        if (offset < 0) {
            throw refused("subdomainOffset", "must be a number from 0 to 127");
        }
        return offset;
    }
}
