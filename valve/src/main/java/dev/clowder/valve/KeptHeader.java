package dev.clowder.valve;

import java.util.ArrayList;
import java.util.List;
import org.apache.tomcat.util.buf.ByteChunk;
import org.apache.tomcat.util.buf.MessageBytes;
import org.apache.tomcat.util.http.MimeHeaders;
import org.jspecify.annotations.Nullable;

/**
 * A header that the application sees changed and the access log as it came. Its values are not copied: their bytes stay
 * in the buffer of the connection for as long as the request. One for each Coyote request, not thread-safe.
 */
final class KeptHeader {

    private final MimeHeaders headers;
    private final List<MessageBytes> values = new ArrayList<>();
    private int count;
    private String name = "";

    KeptHeader(MimeHeaders headers) {
        this.headers = headers;
    }

    /** Puts one value in place of all, or none for null or where the connector allows no more lines. */
    void replace(String newName, @Nullable String value) {
        name = newName;
        count = 0;
        for (int i = headers.findHeader(name, 0); i >= 0; i = headers.findHeader(name, i)) {
            if (count == values.size()) {
                values.add(MessageBytes.newInstance());
            }
            move(headers.getValue(i), values.get(count++));
            headers.removeHeader(i);
        }
        if (value != null) {
            try {
                headers.addValue(name).setString(value);
            } catch (IllegalStateException e) {
                // maxHeaderCount, which the client can reach: the application does without it.
            }
        }
    }

    /** Takes away what {@link #replace} has put there. */
    void remove() {
        headers.removeHeader(name);
    }

    /** Puts back what {@link #replace} took away, after {@link #remove}. */
    void giveBack() {
        for (int i = 0; i < count; i++) {
            move(values.get(i), headers.addValue(name));
        }
    }

    private static void move(MessageBytes from, MessageBytes to) {
        if (from.getType() == MessageBytes.T_BYTES) {
            ByteChunk bytes = from.getByteChunk();
            to.setBytes(bytes.getBytes(), bytes.getStart(), bytes.getLength());
        } else {
            to.setString(from.toString());
        }
        from.recycle();
    }
}
