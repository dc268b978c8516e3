package dev.clowder.launcher.worker.sessions;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import org.jspecify.annotations.Nullable;

/**
 * What workers tell each other about sessions, as bytes.
 *
 * @param sender id of the worker that tells it
 * @param key of the session; empty if it is not about one
 * @param entry the session; null if it is not told
 */
record ReplicaFrame(
        Kind kind, int sender, String key, @Nullable Entry entry) {
    enum Kind {
        /** A session, or that it is gone. */
        COPY(1),
        /** A session was used; its data is that of the version before. */
        TOUCH(2),
        /** Tell me from now on what changes, and all that you have. */
        JOIN(3),
        /** That was all. */
        ALL_TOLD(4),
        /** Tell me this session now, and all that have its lock. */
        ASK(5);

        private final int code;

        Kind(int code) {
            this.code = code;
        }

        static Kind of(int code) throws IOException {
            for (Kind kind : values()) {
                if (kind.code == code) {
                    return kind;
                }
            }
            throw new IOException("no kind of frame: " + code);
        }
    }

    /**
     * One session in a worker.
     *
     * @param version grows with each change by one, whoever makes it
     * @param dataVersion the version in which the data was written
     * @param data null when the session is gone; that is remembered for a while
     */
    // Nobody compares entries, and the array is never changed.
    @SuppressWarnings("ArrayRecordComponent")
    record Entry(long version, long dataVersion, long accessed, int inactiveSeconds, byte @Nullable [] data) {}

    byte[] bytes() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            out.writeByte(kind.code);
            out.writeInt(sender);
            out.writeUTF(key);
            Entry told = entry;
            out.writeBoolean(told != null);
            if (told != null) {
                out.writeLong(told.version);
                out.writeLong(told.dataVersion);
                out.writeLong(told.accessed);
                out.writeInt(told.inactiveSeconds);
                byte[] data = kind == Kind.TOUCH ? null : told.data;
                out.writeInt(data == null ? -1 : data.length);
                if (data != null) {
                    out.write(data);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    /** @throws IOException when they are not of ours */
    static ReplicaFrame of(byte[] bytes) throws IOException {
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes))) {
            Kind kind = Kind.of(in.readByte());
            int sender = in.readInt();
            String key = in.readUTF();
            return new ReplicaFrame(kind, sender, key, in.readBoolean() ? entry(in) : null);
        }
    }

    private static Entry entry(DataInputStream in) throws IOException {
        long version = in.readLong();
        long dataVersion = in.readLong();
        long accessed = in.readLong();
        int inactiveSeconds = in.readInt();
        int length = in.readInt();
        if (length > in.available()) {
            throw new IOException("a session of " + length + " bytes in a frame of " + in.available());
        }
        return new Entry(version, dataVersion, accessed, inactiveSeconds, length < 0 ? null : in.readNBytes(length));
    }
}
