package dev.clowder.valve;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;

/**
 * The {@code trust} setting as a compiled predicate over (address, hop): hop 0 is the peer of the connection, hop 1 the
 * rightmost member of the header. Every form of the setting becomes three conditions that must all hold: fewer than
 * {@code count} hops, an address of the list, a yes from the user's own policy. Immutable and thread-safe.
 */
final class TrustedProxies {

    private static final int ANY_NUMBER = Integer.MAX_VALUE;

    /** The named ranges have the same meaning as in Express. */
    private static final Map<String, List<String>> NAMES = Map.of(
            "loopback", List.of("127.0.0.0/8", "::1/128"),
            "linklocal", List.of("169.254.0.0/16", "fe80::/10"),
            "uniquelocal", List.of("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),
            "unix", List.of());

    private static final String ITS_RANGES = "its ranges";

    /** Trusts no address. */
    static final TrustedProxies NOBODY = list(ANY_NUMBER, List.of(), List.of(), ITS_RANGES);

    private final int count;
    private final @Nullable AddressRanges ranges;
    private final Pattern[] patterns;
    private final boolean unix;
    private final @Nullable TrustPolicy policy;
    private final List<String> rules;

    private TrustedProxies(
            int count,
            @Nullable AddressRanges ranges,
            List<Pattern> patterns,
            boolean unix,
            @Nullable TrustPolicy policy,
            List<String> rules) {
        this.count = count;
        this.ranges = ranges;
        this.patterns = patterns.toArray(new Pattern[0]);
        this.unix = unix;
        this.policy = policy;
        this.rules = List.copyOf(rules);
    }

    /**
     * Compiles the setting.
     *
     * @param trust the attribute's text
     * @param fileRules further rules, already split, from {@code trustFile}; empty if there is none
     * @param loader finds the class of {@code class:...}
     * @throws IllegalArgumentException naming the part of the text that cannot be right
     */
    static TrustedProxies compile(String trust, List<String> fileRules, ClassLoader loader) {
        String text = trust.trim();
        if (text.regionMatches(true, 0, "class:", 0, 6)) {
            refuseFile(fileRules, text);
            return new TrustedProxies(
                    ANY_NUMBER, null, List.of(), true, policy(text.substring(6).trim(), loader), List.of(text));
        }
        if (text.equalsIgnoreCase("true")) {
            refuseFile(fileRules, text);
            return new TrustedProxies(ANY_NUMBER, null, List.of(), true, null, List.of("true"));
        }
        List<String> rules = new ArrayList<>();
        int count = ANY_NUMBER;
        int semicolon = text.indexOf(';');
        if (semicolon >= 0) {
            count = count(text.substring(0, semicolon).trim());
            rules.addAll(split(text.substring(semicolon + 1)));
        } else if (isNumber(text) && !isZero(text)) {
            count = count(text);
            if (fileRules.isEmpty()) {
                return new TrustedProxies(count, null, List.of(), true, null, List.of(text));
            }
        } else if (!text.equalsIgnoreCase("false") && !isZero(text)) {
            rules.addAll(split(text));
        }
        rules.addAll(fileRules);
        return list(count, rules, List.of(), fileRules.isEmpty() ? ITS_RANGES : ITS_RANGES + " and those of trustFile");
    }

    /**
     * Compiles a plain list of addresses, ranges and names.
     *
     * @throws IllegalArgumentException naming the rule that cannot be right
     */
    static TrustedProxies ofList(String text) {
        return list(ANY_NUMBER, split(text), List.of(), ITS_RANGES);
    }

    /**
     * Compiles the lists of Tomcat's RemoteIpValve, each a comma list or one regular expression. A text that is a list
     * in our sense is taken as one, also where Tomcat takes it for an expression that no address matches.
     *
     * @throws IllegalArgumentException with the reason
     */
    static TrustedProxies ofAny(String... texts) {
        List<String> rules = new ArrayList<>();
        List<Pattern> patterns = new ArrayList<>();
        for (String text : texts) {
            if (text.isEmpty()) {
                continue;
            }
            List<String> list = split(text);
            try {
                list.forEach(TrustedProxies::checkRule);
                rules.addAll(list);
            } catch (IllegalArgumentException noList) {
                if (text.indexOf('/') >= 0) {
                    throw noList;
                }
                patterns.add(pattern(text));
            }
        }
        return list(ANY_NUMBER, rules, patterns, ITS_RANGES);
    }

    private static Pattern pattern(String text) {
        try {
            return Pattern.compile(text);
        } catch (PatternSyntaxException e) {
            throw new IllegalArgumentException(
                    "is no list of addresses and no regular expression: " + e.getDescription(), e);
        }
    }

    /** @param called what the texts are called in a message */
    private static TrustedProxies list(int count, List<String> texts, List<Pattern> patterns, String called) {
        List<IpPrefix> prefixes = new ArrayList<>();
        Set<String> rules = new LinkedHashSet<>();
        boolean unix = false;
        for (String text : texts) {
            List<String> named = NAMES.get(text.toLowerCase(Locale.ROOT));
            for (String rule : named == null ? List.of(text) : named) {
                IpPrefix prefix = prefix(rule);
                prefixes.add(prefix);
                rules.add(prefix.toString());
            }
            if (text.equalsIgnoreCase("unix")) {
                unix = true;
                rules.add("unix");
            }
        }
        AddressRanges ranges = new AddressRanges(prefixes);
        if (ranges.coverAllOfV4()) {
            throw new IllegalArgumentException(called + " together cover every IPv4 address");
        }
        if (ranges.coverAllOfV6()) {
            throw new IllegalArgumentException(called + " together cover every IPv6 address");
        }
        List<String> shown = new ArrayList<>(rules);
        patterns.forEach(pattern -> shown.add(pattern.pattern()));
        if (count != ANY_NUMBER) {
            shown.add(0, "at most " + count);
        } else if (shown.isEmpty()) {
            shown.add("false");
        }
        return new TrustedProxies(count, ranges, patterns, unix, null, shown);
    }

    /**
     * Checks one rule of a list.
     *
     * @throws IllegalArgumentException naming it, if it is none
     */
    static void checkRule(String rule) {
        if (!NAMES.containsKey(rule.toLowerCase(Locale.ROOT))) {
            prefix(rule);
        }
    }

    private static IpPrefix prefix(String rule) {
        if (rule.isEmpty()) {
            throw new IllegalArgumentException("there is an empty rule in it");
        }
        if (rule.indexOf(';') >= 0) {
            throw new IllegalArgumentException("'" + rule + "': ';' stands only between a count and a list");
        }
        if (isNumber(rule) || rule.equalsIgnoreCase("true") || rule.equalsIgnoreCase("false")) {
            throw new IllegalArgumentException("'" + rule + "' cannot stand in a list"
                    + (isNumber(rule) ? "; a count comes first: \"" + rule + "; 10.0.0.0/8\"" : ""));
        }
        return IpPrefix.parse(rule);
    }

    private static List<String> split(String list) {
        List<String> rules = new ArrayList<>();
        int from = 0;
        for (int comma = list.indexOf(','); comma >= 0; comma = list.indexOf(',', from)) {
            rules.add(list.substring(from, comma).trim());
            from = comma + 1;
        }
        rules.add(list.substring(from).trim());
        return rules;
    }

    private static int count(String text) {
        int count = Decimal.parse(text, 0, text.length(), 1, 1_000_000);
        if (count < 0) {
            throw new IllegalArgumentException("'" + text + "' is no count of proxies (1 or more)");
        }
        return count;
    }

    private static boolean isNumber(String text) {
        return !text.isEmpty() && text.chars().allMatch(c -> c >= '0' && c <= '9');
    }

    private static boolean isZero(String text) {
        return text.equals("0");
    }

    private static void refuseFile(List<String> fileRules, String text) {
        if (!fileRules.isEmpty()) {
            throw new IllegalArgumentException("'" + text + "' and the rules of trustFile exclude each other");
        }
    }

    private static TrustPolicy policy(String className, ClassLoader loader) {
        try {
            return Class.forName(className, true, loader)
                    .asSubclass(TrustPolicy.class)
                    .getConstructor()
                    .newInstance();
        } catch (ReflectiveOperationException | LinkageError | ClassCastException e) {
            throw new IllegalArgumentException(
                    "can't make a TrustPolicy of '" + className + "': it must be a public class that implements "
                            + TrustPolicy.class.getName() + " and has a public constructor without arguments",
                    e);
        }
    }

    /** Whether what {@code address}, standing at {@code hop}, says about the next address is believed. */
    boolean trusts(IpAddress address, int hop) {
        if (hop >= count) {
            return false;
        }
        if (address.isUnix() ? !unix : ranges != null && !ranges.contains(address) && match(address) == null) {
            return false;
        }
        return policy == null || asks(policy, address, hop);
    }

    /** Whether the same question may have another answer later: only the user's own policy can do that. */
    boolean mayChange() {
        return policy != null;
    }

    /** Expressions may be written for our text of an address or for that of the JDK, which Tomcat shows them. */
    private @Nullable Pattern match(IpAddress address) {
        for (Pattern pattern : patterns) {
            if (pattern.matcher(address.toString()).matches()
                    || pattern.matcher(address.longText()).matches()) {
                return pattern;
            }
        }
        return null;
    }

    /** The request path never throws: a policy that fails trusts nobody. */
    private static boolean asks(TrustPolicy policy, IpAddress address, int hop) {
        try {
            return policy.trusts(address.toString(), hop);
        } catch (RuntimeException e) {
            return false;
        }
    }

    /** The rule that makes {@link #trusts} true or false, for people; slow. */
    String ruleFor(IpAddress address, int hop) {
        if (hop >= count) {
            return "no rule (at most " + count + ")";
        }
        if (!trusts(address, hop)) {
            return "no rule";
        }
        for (String rule : rules) {
            if (address.isUnix()
                    ? rule.equals("unix")
                    : rule.indexOf('/') >= 0 && IpPrefix.parse(rule).contains(address)) {
                return rule;
            }
        }
        Pattern pattern = match(address);
        return pattern != null ? pattern.pattern() : rules.get(rules.size() - 1);
    }

    /** The count if it is the only condition, otherwise 0: then a chain that is too short was not the announced one. */
    int announcedHops() {
        return count != ANY_NUMBER && ranges == null ? count : 0;
    }

    /** The rules in force, canonical and in the order of the configuration, for people. */
    List<String> rules() {
        return rules;
    }
}
