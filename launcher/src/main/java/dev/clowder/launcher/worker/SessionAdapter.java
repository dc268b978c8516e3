package dev.clowder.launcher.worker;

import dev.clowder.launcher.worker.relay.Relay;
import dev.clowder.launcher.worker.relay.RelayLoop;
import dev.clowder.launcher.worker.relay.RelayedAnswer;
import dev.clowder.launcher.worker.relay.RelayedFacts;
import dev.clowder.launcher.worker.relay.RelayedHead;
import java.io.IOException;
import java.nio.channels.SocketChannel;
import java.util.concurrent.Semaphore;
import java.util.concurrent.locks.LockSupport;
import org.apache.coyote.ActionCode;
import org.apache.coyote.Adapter;
import org.apache.coyote.Request;
import org.apache.coyote.Response;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;
import org.apache.tomcat.util.net.SocketEvent;
import org.jspecify.annotations.Nullable;

/**
 * Does for TLS and HTTP/2 what {@link SessionRouting} does for plain HTTP: sees to it that a request is answered where its
 * session is. The connection stays, and the request is relayed. Stands in front of everything that judges or maps a
 * request, so that it arrives there as it came here.
 */
final class SessionAdapter implements Adapter {
    private static final Log LOG = LogFactory.getLog(SessionAdapter.class);
    /** Where a request has the {@link SessionSlot} that it uses. Of those that Tomcat leaves to others. */
    private static final int SLOT_NOTE = 30;

    private static final int BAD_REQUEST = 400;
    private static final int UNAVAILABLE = 503;
    private static final int UPGRADES = 16;

    private final Adapter next;
    private final WorkerProtocol protocol;
    private final WorkerEndpoint endpoint;
    private final SessionPeers peers;
    private final int listener;
    private final RelayLoop relays;
    /** Each holds a thread until its head is answered; two workers must not use up the threads of each other. */
    private final Semaphore upgrading;

    SessionAdapter(
            Adapter next,
            WorkerProtocol protocol,
            WorkerEndpoint endpoint,
            SessionPeers peers,
            int listener,
            RelayLoop relays) {
        this.next = next;
        this.protocol = protocol;
        this.endpoint = endpoint;
        this.peers = peers;
        this.listener = listener;
        this.relays = relays;
        // Tomcat does not tell how many a shared Executor has.
        int threads = endpoint.getMaxThreads();
        upgrading = new Semaphore(threads > 1 ? threads / 2 : UPGRADES);
    }

    @Override
    public void service(Request request, Response response) throws Exception {
        RelayedFacts facts = WorkerProtocol.factsOf(request);
        if (facts != null) {
            facts.applyTo(request);
        } else if (protocol.canMove(request)) {
            if (SessionRouting.isRefusing()) {
                refuse(request, response, UNAVAILABLE);
            } else {
                next.service(request, response);
            }
            return;
        }
        // Of a request that nobody could end.
        leaveSlot(request, false);
        abandonRelay(request);
        int slot = peers.cookies().isEmpty()
                ? SessionCookies.NONE
                : peers.cookies().slot(request);
        if (slot == SessionCookies.NONE || !isElsewhere(request, response, slot)) {
            try {
                next.service(request, response);
            } finally {
                leaveSlot(request, true);
            }
        }
    }

    /** Waits while the sessions move; false if the request is to be answered here. */
    private boolean isElsewhere(Request request, Response response, int number) {
        byte[] facts = null;
        RelayedHead head = null;
        long end = System.nanoTime() + peers.patience(number);
        for (long left = end - System.nanoTime(); left > 0; left = end - System.nanoTime()) {
            SessionSlot slot = peers.slot(number);
            if (slot != null && slot.enter()) {
                request.setNote(SLOT_NOTE, slot);
                return false;
            }
            endpoint.aboutToWait();
            try {
                SocketChannel owner = peers.owner(number);
                if (owner == null) {
                    // They are lost.
                    return false;
                }
                if (facts == null || head == null) {
                    facts = said(request);
                    head = RelayedHead.of(request);
                }
                if (facts == null || head == null) {
                    SessionPeers.close(owner);
                    refuse(request, response, BAD_REQUEST);
                    return true;
                }
                SocketChannel home = peers.offer(owner, number, listener, facts, left);
                if (home != null && isRelayed(request, response, home, head)) {
                    return true;
                }
            } catch (IOException e) {
                LOG.debug("the owner of slot " + number + " is dying", e);
            }
            LockSupport.parkNanos(SessionRouting.PAUSE);
        }
        // It has a session, and must not begin another one.
        refuse(request, response, UNAVAILABLE);
        return true;
    }

    /** What its connection knows of a request; null if that can't be said, or the client is gone. */
    private static byte @Nullable [] said(Request request) {
        RelayedFacts facts = RelayedFacts.of(request);
        try {
            return facts == null ? null : facts.write();
        } catch (IOException e) {
            LOG.debug("a request can't be relayed", e);
            return null;
        }
    }

    /** What can't be said in HTTP/1.1, whose client is gone, or for which there is no thread or session now. */
    private void refuse(Request request, Response response, int status) {
        response.setStatus(status);
        response.setContentLength(0);
        if (status == UNAVAILABLE) {
            response.getMimeHeaders().setValue("Retry-After").setString("1");
        }
        response.action(ActionCode.CLOSE, null);
        next.log(request, response, System.nanoTime() - request.getStartTimeNanos());
    }

    /** False if that worker has lost its life. */
    private boolean isRelayed(Request request, Response response, SocketChannel home, RelayedHead head)
            throws IOException {
        if (head.upgrades() && !upgrading.tryAcquire()) {
            SessionPeers.close(home);
            refuse(request, response, UNAVAILABLE);
            return true;
        }
        Relay relay;
        try {
            relay = new Relay(request, head, home, relays, endpoint.getExecutor(), protocol::sayGoodbye);
            if (!relay.begin()) {
                return false;
            }
        } catch (IOException e) {
            SessionPeers.close(home);
            throw e;
        } finally {
            if (head.upgrades()) {
                upgrading.release();
            }
        }
        if (relay.isOver()) {
            ended(relay, request, response);
        }
        return true;
    }

    private void ended(Relay relay, Request request, Response response) {
        request.setNote(Relay.NOTE, null);
        if (relay.isUnanswered()) {
            next.log(request, response, System.nanoTime() - request.getStartTimeNanos());
        }
        protocol.countRelayed();
    }

    private void abandonRelay(Request request) {
        if (request.getNote(Relay.NOTE) instanceof Relay relay) {
            request.setNote(Relay.NOTE, null);
            relay.abandon();
            protocol.countRelayed();
        }
    }

    /** @param unlessAsync whether an asynchronous request goes on using it */
    private static void leaveSlot(Request request, boolean unlessAsync) {
        if (request.getNote(SLOT_NOTE) instanceof SessionSlot slot
                && !(unlessAsync && RelayedAnswer.is(request, ActionCode.ASYNC_IS_ASYNC))) {
            request.setNote(SLOT_NOTE, null);
            slot.exit();
        }
    }

    @Override
    public boolean asyncDispatch(Request request, Response response, SocketEvent status) throws Exception {
        if (request.getNote(Relay.NOTE) instanceof Relay relay) {
            boolean success = relay.asyncDispatch(status);
            if (relay.isOver()) {
                ended(relay, request, response);
            }
            return success;
        }
        boolean success = false;
        try {
            success = next.asyncDispatch(request, response, status);
        } finally {
            leaveSlot(request, success);
        }
        return success;
    }

    @Override
    public boolean prepare(Request request, Response response) throws Exception {
        return next.prepare(request, response);
    }

    @Override
    public void log(Request request, Response response, long time) {
        next.log(request, response, time);
    }

    /** {@inheritDoc} Tomcat does before it uses the two for another client. */
    @Override
    public void checkRecycled(Request request, Response response) {
        abandonRelay(request);
        leaveSlot(request, false);
        next.checkRecycled(request, response);
    }

    @Override
    public String getDomain() {
        return next.getDomain();
    }
}
