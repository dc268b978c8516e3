package dev.clowder.launcher.worker;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Sessions on their way from one worker to another.
 *
 * @param slots that the receiver has from now on
 * @param sender its socket, where sessions can be fetched that are begun later; empty if it begins none
 */
record SessionBundle(List<Integer> slots, String sender, List<Packed> sessions) {
    private static final int LARGEST = 256 << 20;

    /** One session of an application. No record: a record of an array would compare by identity. */
    static final class Packed {
        private final String application;
        private final byte[] bytes;

        Packed(String application, byte[] bytes) {
            this.application = application;
            this.bytes = bytes;
        }

        String application() {
            return application;
        }

        byte[] bytes() {
            return bytes;
        }
    }

    void write(DataOutputStream out) throws IOException {
        out.writeInt(slots.size());
        for (int slot : slots) {
            out.writeInt(slot);
        }
        out.writeUTF(sender);
        out.writeInt(sessions.size());
        for (Packed session : sessions) {
            out.writeUTF(session.application);
            out.writeInt(session.bytes.length);
            out.write(session.bytes);
        }
        out.flush();
    }

    static SessionBundle read(DataInputStream in) throws IOException {
        List<Integer> slots = new ArrayList<>();
        for (int count = in.readInt(); count > 0; count--) {
            slots.add(in.readInt());
        }
        String sender = in.readUTF();
        List<Packed> sessions = new ArrayList<>();
        for (int count = in.readInt(); count > 0; count--) {
            String application = in.readUTF();
            int length = in.readInt();
            if (length < 0 || length > LARGEST) {
                throw new IOException("a session of " + length + " bytes");
            }
            byte[] bytes = new byte[length];
            in.readFully(bytes);
            sessions.add(new Packed(application, bytes));
        }
        return new SessionBundle(slots, sender, sessions);
    }
}
