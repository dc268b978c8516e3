package dev.clowder.launcher.worker.sessions;

import java.io.IOException;
import java.io.Serializable;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.apache.catalina.tribes.ByteMessage;
import org.apache.catalina.tribes.Channel;
import org.apache.catalina.tribes.ChannelException;
import org.apache.catalina.tribes.ChannelListener;
import org.apache.catalina.tribes.Member;
import org.apache.catalina.tribes.group.GroupChannel;
import org.apache.catalina.tribes.group.interceptors.EncryptInterceptor;
import org.apache.catalina.tribes.membership.MemberImpl;
import org.apache.catalina.tribes.transport.ReplicationTransmitter;
import org.apache.catalina.tribes.transport.nio.NioReceiver;
import org.apache.catalina.tribes.transport.nio.PooledParallelSender;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;

/**
 * The way of {@link ReplicaFrame} between the workers of one machine: Tomcat's Tribes over loopback, encrypted and
 * authenticated by a key that only these workers know. Nobody is looked for by multicast: members are named. Any thread.
 */
final class ReplicaChannel implements ChannelListener {
    private static final Log LOG = LogFactory.getLog(ReplicaChannel.class);
    private static final String LOOPBACK = "127.0.0.1";
    /** From the first free port on; others may take ports at the same moment. */
    private static final int PORTS = 100;

    private static final int SERVICES = Channel.SND_RX_SEQ | Channel.SND_TX_SEQ;
    /** The answer comes when the other side has taken the frame in. */
    private static final int TAKEN_IN = Channel.SEND_OPTIONS_USE_ACK | Channel.SEND_OPTIONS_SYNCHRONIZED_ACK;
    /** A worker that does not take a frame in within this time holds no copies: a long garbage collection is shorter. */
    private static final long SEND_MILLIS = 5_000;

    private static final int SENDERS = 50;
    /** For one of them; longer than it takes to find out that another worker does not answer. */
    private static final long SENDER_SECONDS = 15;

    private final GroupChannel channel = new GroupChannel();
    private final NioReceiver receiver = new NioReceiver();
    private final Consumer<ReplicaFrame> frames;
    /** One for each sender: Tribes would say of everybody that they failed if there were none. */
    private final Semaphore free = new Semaphore(SENDERS);

    /** @param frames called for each, by many threads; the sender waits until it returns */
    ReplicaChannel(Consumer<ReplicaFrame> frames) {
        this.frames = frames;
    }

    /**
     * Begins to take frames.
     *
     * @param key in hexadecimal digits
     * @return the port
     */
    int start(String key) throws IOException {
        receiver.setAddress(LOOPBACK);
        receiver.setPort(freePort());
        receiver.setAutoBind(PORTS);
        PooledParallelSender senders = new PooledParallelSender();
        senders.setTimeout(SEND_MILLIS);
        senders.setPoolSize(SENDERS);
        ReplicationTransmitter transmitter = new ReplicationTransmitter();
        transmitter.setTransport(senders);
        channel.setChannelReceiver(receiver);
        channel.setChannelSender(transmitter);
        EncryptInterceptor encryption = new EncryptInterceptor();
        encryption.setEncryptionAlgorithm("AES/GCM/NoPadding");
        encryption.setEncryptionKey(key);
        channel.addInterceptor(encryption);
        channel.addChannelListener(this);
        try {
            channel.start(SERVICES);
        } catch (ChannelException e) {
            throw new IOException("copies of sessions: no way for them: " + e.getMessage(), e);
        }
        return receiver.getPort();
    }

    /** Tribes can't tell which port the system chose, so it is asked for one that was free a moment ago. */
    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    /**
     * Sends one frame to each of these ports; returns when all have taken it in.
     *
     * @return the ports of those that have not, perhaps
     * @throws IOException when it could not be sent at all
     */
    Set<Integer> send(ReplicaFrame frame, Collection<Integer> ports) throws IOException {
        Map<Member, Integer> members = new HashMap<>();
        for (int port : ports) {
            members.put(new MemberImpl(LOOPBACK, port, 0), port);
        }
        if (!mayUseSender()) {
            throw new IOException("no sender was free for " + SENDER_SECONDS + " s");
        }
        try {
            channel.send(members.keySet().toArray(Member[]::new), new ByteMessage(frame.bytes()), TAKEN_IN);
            return Set.of();
        } catch (ChannelException e) {
            List<Integer> faulty = new ArrayList<>();
            for (ChannelException.FaultyMember member : e.getFaultyMembers()) {
                faulty.add(member.getMember().getPort());
            }
            if (faulty.isEmpty()) {
                throw new IOException(e);
            }
            return new HashSet<>(faulty);
        } finally {
            free.release();
        }
    }

    private boolean mayUseSender() {
        // The thread of a request that was interrupted may use one that is free.
        if (free.tryAcquire()) {
            return true;
        }
        try {
            return free.tryAcquire(SENDER_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    @Override
    public void messageReceived(Serializable message, Member sender) {
        if (message instanceof ByteMessage bytes) {
            try {
                frames.accept(ReplicaFrame.of(bytes.getMessage()));
            } catch (IOException e) {
                LOG.warn("not understood: " + e.getMessage());
            }
        }
    }

    @Override
    public boolean accept(Serializable message, Member sender) {
        return message instanceof ByteMessage;
    }

    void stop() {
        try {
            channel.stop(SERVICES);
        } catch (ChannelException e) {
            LOG.debug("stopped badly", e);
        }
    }
}
