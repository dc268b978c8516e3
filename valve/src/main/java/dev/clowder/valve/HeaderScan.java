package dev.clowder.valve;

import dev.clowder.valve.HeaderNames.Role;

/**
 * Which header lines of one request matter: one pass over the names, remembered by line. Reused from request to
 * request, not thread-safe.
 */
final class HeaderScan {

    /** For each line the bit of its role, 0 if it does not matter. */
    private int[] roles = new int[32];

    /** Behind the last line that matters. */
    private int end;

    private int found;

    void scan(RequestHead head, HeaderNames names) {
        int headers = head.headers();
        if (headers > roles.length) {
            roles = new int[2 * headers];
        }
        end = 0;
        found = 0;
        for (int line = 0; line < headers; line++) {
            int role = names.areAnySoLong(head.headerNameLength(line)) ? names.roleOf(head.headerName(line)) : 0;
            roles[line] = role;
            if (role != 0) {
                found |= role;
                end = line + 1;
            }
        }
    }

    /** The bit of the role of a line, 0 if it does not matter. */
    int role(int line) {
        return roles[line];
    }

    /** Whether any header has one of the roles whose bits are set. */
    boolean hasAny(int bits) {
        return (found & bits) != 0;
    }

    boolean has(Role role) {
        return hasAny(role.bit());
    }

    /** The last line with this role, -1 if there is none. */
    int last(Role role) {
        return has(role) ? previous(role, end) : -1;
    }

    /** The next line with this role to the front of {@code line}, -1 if there is none. */
    int previous(Role role, int line) {
        return previous(role.bit(), line);
    }

    /** The next line to the front of {@code line} whose role is one of those whose bits are set, -1 if there is none. */
    int previous(int bits, int line) {
        for (int at = Math.min(line, end) - 1; at >= 0; at--) {
            if ((roles[at] & bits) != 0) {
                return at;
            }
        }
        return -1;
    }
}
