package dev.clowder.valve;

import java.util.ArrayList;
import java.util.List;

/**
 * The {@code hosts} setting: which forwarded hosts are believed. {@code *.example.com} stands for the sub-domains, not
 * for {@code example.com} itself. Case and port do not matter. Immutable.
 */
record AllowedHosts(List<String> names, List<String> suffixes) {

    AllowedHosts {
        names = List.copyOf(names);
        suffixes = List.copyOf(suffixes);
    }

    /** @throws IllegalArgumentException naming the entry that is no host */
    static AllowedHosts compile(String text) {
        List<String> names = new ArrayList<>();
        List<String> suffixes = new ArrayList<>();
        Authority authority = new Authority();
        for (String part : (text + ",").split(",", -1)) {
            String host = part.trim();
            if (host.isEmpty()) {
                continue;
            }
            boolean wildcard = host.startsWith("*.");
            String name = wildcard ? host.substring(2) : host;
            if (!authority.parse(name, 0, name.length()) || authority.port() != 0) {
                throw new IllegalArgumentException(
                        "'" + host + "' is no host name, IP address or *.domain (ports do not matter here)");
            }
            if (wildcard) {
                suffixes.add("." + name);
            } else {
                names.add(name);
            }
        }
        if (names.isEmpty() && suffixes.isEmpty()) {
            throw new IllegalArgumentException("there is no host in it");
        }
        return new AllowedHosts(names, suffixes);
    }

    boolean allow(String hostname) {
        for (String name : names) {
            if (name.equalsIgnoreCase(hostname)) {
                return true;
            }
        }
        for (String suffix : suffixes) {
            int start = hostname.length() - suffix.length();
            if (start > 0 && hostname.regionMatches(true, start, suffix, 0, suffix.length())) {
                return true;
            }
        }
        return false;
    }
}
