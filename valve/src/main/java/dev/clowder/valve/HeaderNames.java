package dev.clowder.valve;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The names of headers that matter, compiled to a table by length: almost every header of a request is dismissed by its
 * length or its first letter. Immutable and thread-safe.
 */
final class HeaderNames {

    /** What a header line is to us. */
    enum Role {
        /** The chain of addresses that is read. */
        CHAIN,
        PROTO,
        HOST,
        PORT,
        PREFIX,
        /** RFC 7239 while another family is read. */
        OTHER_FORWARDED,
        /** X-Forwarded-For while another family is read. */
        OTHER_FOR,
        /** Any other header of forwarding that is not read. */
        OTHER,
        /** X-Forwarded-By and -Server, names of proxies: not read, harmless beside the family that is. */
        COMPANION,
        /** A client certificate, told by a proxy: believed by nobody here, and only passed on from a trusted peer. */
        CERTIFICATE,
        /** One of the names above written with {@code _} or {@code .}: never counts (GHSA-f59h-q822-g45g). */
        ALIAS;

        @SuppressWarnings("EnumOrdinal") // One bit for each constant; it is never stored.
        int bit() {
            return 1 << ordinal();
        }
    }

    /** Rule V11, in its order of roles; names that the configuration gives another role are taken out of it. */
    private static final Map<String, Role> WELL_KNOWN = Map.ofEntries(
            Map.entry("forwarded", Role.OTHER_FORWARDED),
            Map.entry("x-forwarded-for", Role.OTHER_FOR),
            Map.entry("x-forwarded-host", Role.OTHER),
            Map.entry("x-forwarded-proto", Role.OTHER),
            Map.entry("x-forwarded-port", Role.OTHER),
            Map.entry("x-forwarded-prefix", Role.OTHER),
            Map.entry("x-forwarded-ssl", Role.OTHER),
            Map.entry("x-real-ip", Role.OTHER),
            Map.entry("x-forwarded-by", Role.COMPANION),
            Map.entry("x-forwarded-server", Role.COMPANION),
            Map.entry("x-forwarded-client-cert", Role.CERTIFICATE),
            Map.entry("client-cert", Role.CERTIFICATE),
            Map.entry("client-cert-chain", Role.CERTIFICATE));

    /** Every letter may come first: {@code -} has aliases of its own. */
    private static final int ANY = -1;

    private static final class Entry {

        final String name;
        final byte[] letters;
        final Role role;

        Entry(String lowerCase, Role role) {
            this.name = lowerCase;
            this.letters = lowerCase.getBytes(StandardCharsets.ISO_8859_1);
            this.role = role;
        }
    }

    private final Entry[][] byLength;
    /** For each length the first letters of the names: a bit for the low five bits of each, so in either case. */
    private final int[] firstLetters;

    private final Map<Role, String> read;

    /** @param read the header of each role that is read, any case */
    HeaderNames(Map<Role, String> read) {
        this.read = new EnumMap<>(read);
        List<Entry> entries = new ArrayList<>();
        read.forEach((role, name) -> entries.add(new Entry(name.toLowerCase(Locale.ROOT), role)));
        WELL_KNOWN.forEach((name, role) -> {
            if (entries.stream().noneMatch(e -> e.name.equals(name))) {
                entries.add(new Entry(name, role));
            }
        });
        int longest = entries.stream().mapToInt(e -> e.name.length()).max().orElse(0);
        byLength = new Entry[longest + 1][];
        firstLetters = new int[longest + 1];
        for (int length = 0; length <= longest; length++) {
            int wanted = length;
            byLength[length] =
                    entries.stream().filter(e -> e.name.length() == wanted).toArray(Entry[]::new);
            for (Entry entry : byLength[length]) {
                char first = entry.name.charAt(0);
                firstLetters[length] |= first == '-' ? ANY : 1 << first;
            }
        }
    }

    /** The header that is read in this role, as configured. */
    @Nullable
    String nameOf(Role role) {
        return read.get(role);
    }

    /** Whether a name of this length can matter at all. */
    boolean areAnySoLong(int length) {
        return length < firstLetters.length && firstLetters[length] != 0;
    }

    /** The bit of what a header of this name is to us; 0 for all the others. */
    int roleOf(CharSequence name) {
        int length = name.length();
        if (!areAnySoLong(length) || (firstLetters[length] >>> name.charAt(0) & 1) == 0) {
            return 0;
        }
        for (Entry entry : byLength[length]) {
            // Tomcat has put almost every name into lower case.
            if (name instanceof ByteText text && text.is(entry.letters)) {
                return entry.role.bit();
            }
            int alike = compare(name, entry.letters);
            if (alike != DIFFERENT) {
                return alike == SAME ? entry.role.bit() : Role.ALIAS.bit();
            }
        }
        return 0;
    }

    private static final int DIFFERENT = 0;
    private static final int SAME = 1;
    private static final int ALIKE = 2;

    private static int compare(CharSequence name, byte[] lowerCase) {
        int result = SAME;
        for (int i = 0; i < lowerCase.length; i++) {
            char is = name.charAt(i);
            char wanted = (char) lowerCase[i];
            if (is == wanted || (is >= 'A' && is <= 'Z' && is + 32 == wanted)) {
                continue;
            }
            if (wanted != '-' || (is != '_' && is != '.')) {
                return DIFFERENT;
            }
            result = ALIKE;
        }
        return result;
    }
}
