package dev.clowder.valve;

import dev.clowder.valve.HeaderNames.Role;
import java.util.Arrays;

/**
 * Which header lines of one request matter: one pass over the names, remembered by role. Reused from request to
 * request, not thread-safe.
 */
@SuppressWarnings("EnumOrdinal") // Arrays by role, for one request: an EnumMap would box each number.
final class HeaderScan {

    private final int[] lines = new int[HeaderNames.roles()];
    private final int[] last = new int[HeaderNames.roles()];
    /** The lines that matter, in the order received, and the role of each. */
    private int[] matching = new int[8];

    private byte[] roles = new byte[8];
    private int size;
    private int found;

    void scan(RequestHead head, HeaderNames names) {
        int headers = head.headers();
        size = 0;
        found = 0;
        for (int i = 0; i < headers; i++) {
            Role role = names.roleOf(head.headerName(i));
            if (role != null) {
                add(i, role);
            }
        }
    }

    private void add(int line, Role role) {
        if (size == matching.length) {
            matching = Arrays.copyOf(matching, 2 * size);
            roles = Arrays.copyOf(roles, 2 * size);
        }
        int ordinal = role.ordinal();
        matching[size] = line;
        roles[size] = (byte) ordinal;
        size++;
        lines[ordinal] = has(role) ? lines[ordinal] + 1 : 1;
        last[ordinal] = line;
        found |= role.bit();
    }

    /** Whether any header has one of the roles whose bits are set. */
    boolean hasAny(int bits) {
        return (found & bits) != 0;
    }

    boolean has(Role role) {
        return hasAny(role.bit());
    }

    /** How many lines have this role. */
    int lines(Role role) {
        return has(role) ? lines[role.ordinal()] : 0;
    }

    /** The last line with this role, -1 if there is none. */
    int last(Role role) {
        return has(role) ? last[role.ordinal()] : -1;
    }

    /** The next line with this role to the front of {@code line}, -1 if there is none. */
    int previous(Role role, int line) {
        return previous(role.bit(), line);
    }

    /** The next line to the front of {@code line} whose role is one of those whose bits are set, -1 if there is none. */
    int previous(int bits, int line) {
        int at = Arrays.binarySearch(matching, 0, size, line);
        for (int i = (at < 0 ? -at - 1 : at) - 1; i >= 0; i--) {
            if ((bits >>> roles[i] & 1) != 0) {
                return matching[i];
            }
        }
        return -1;
    }
}
