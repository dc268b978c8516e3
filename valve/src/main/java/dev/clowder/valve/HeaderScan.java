package dev.clowder.valve;

import dev.clowder.valve.HeaderNames.Role;
import org.jspecify.annotations.Nullable;

/**
 * Which header lines of one request matter: one pass over the names, remembered by role. Reused from request to
 * request, not thread-safe.
 */
final class HeaderScan {

    private static final byte NONE = -1;

    private final int[] lines = new int[HeaderNames.roles()];
    private final int[] last = new int[HeaderNames.roles()];
    private byte[] roles = new byte[32];
    private int size;
    private int found;

    void scan(RequestHead head, HeaderNames names) {
        size = head.headers();
        found = 0;
        if (size > roles.length) {
            roles = new byte[size];
        }
        for (int i = 0; i < size; i++) {
            Role role = names.roleOf(head.headerName(i));
            if (role == null) {
                roles[i] = NONE;
                continue;
            }
            int ordinal = role.ordinal();
            roles[i] = (byte) ordinal;
            lines[ordinal] = has(role) ? lines[ordinal] + 1 : 1;
            last[ordinal] = i;
            found |= role.bit();
        }
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
        for (int i = line - 1; i >= 0; i--) {
            if (roles[i] == role.ordinal()) {
                return i;
            }
        }
        return -1;
    }

    /** The role of a line, null if it has none. */
    @Nullable
    Role role(int line) {
        return line < size && roles[line] != NONE ? HeaderNames.role(roles[line]) : null;
    }
}
