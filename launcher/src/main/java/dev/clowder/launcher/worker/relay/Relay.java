package dev.clowder.launcher.worker.relay;

import jakarta.servlet.ReadListener;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiConsumer;
import org.apache.coyote.ActionCode;
import org.apache.coyote.Request;
import org.apache.coyote.Response;
import org.apache.coyote.UpgradeToken;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;
import org.apache.tomcat.util.net.SocketEvent;

/**
 * One request that another worker answers, in the worker that received it. To Tomcat it is an asynchronous request without
 * an application. It holds a thread only while there is something to copy, or while its client is slow to take the answer.
 *
 * <ul>
 *   <li>The body of the request is read without waiting, by Tomcat's threads, under its lock: {@link #asyncDispatch}. While
 *       the other worker does not take it, nothing is read.
 *   <li>The answer is read on a pool, when the {@link RelayLoop} sees some of it, under the lock of this object.
 * </ul>
 *
 * <p>Legal order: {@link #begin} by the thread that serves the request; {@link #started} when Tomcat has let go of it; then
 * {@link #asyncDispatch} until {@link #isOver}, or {@link #abandon}. If the answer does not come to its end, the client's does not either.
 */
public final class Relay implements ReadListener {
    /** Where the request has it while it is relayed. Of those that Tomcat leaves to others. */
    public static final int NOTE = 28;

    private static final Log LOG = LogFactory.getLog(Relay.class);
    private static final int SIZE = 32 * 1024;
    private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

    private final Request request;
    private final Response response;
    private final SocketChannel home;
    private final RelayLoop loop;
    private final Executor pool;
    private final RelayedHead head;
    private final ResponseReader reader;
    private final RelayedAnswer answer;
    private final RelayLoop.Watch watch;

    // Tomcat's threads only.
    private final BodyPiece piece = new BodyPiece();
    private ByteBuffer toHome = NOTHING;
    private boolean bodySent;
    private boolean over;

    private final AtomicBoolean started = new AtomicBoolean();

    private final ReentrantLock answering = new ReentrantLock();
    private final ByteBuffer fromHome = ByteBuffer.allocate(SIZE);
    private volatile boolean answered;
    private volatile boolean failed;
    private volatile boolean unanswered;
    private volatile boolean abandoned;

    /**
     * @param head of the request
     * @param home a connection to the worker that has agreed to answer
     * @param pool on which it may wait for the client
     * @param goodbye sees the head of the answer before it is sent
     */
    public Relay(
            Request request,
            RelayedHead head,
            SocketChannel home,
            RelayLoop loop,
            Executor pool,
            BiConsumer<Request, Response> goodbye)
            throws IOException {
        this.request = request;
        this.response = request.getResponse();
        this.home = home;
        this.loop = loop;
        this.pool = pool;
        this.head = head;
        this.reader = new ResponseReader(request.getMethod().equals("HEAD"));
        this.answer = new RelayedAnswer(request, goodbye, reader::trailers);
        this.watch = loop.watch(home, pool, this::readable, this::writable);
    }

    /**
     * Sends the head.
     *
     * @return false if the other worker is gone; nothing has happened then
     */
    public boolean begin() {
        try {
            ByteBuffer bytes = head.bytes();
            while (bytes.hasRemaining()) {
                home.write(bytes);
            }
        } catch (IOException e) {
            LOG.debug("the other worker is gone", e);
            watch.close();
            return false;
        }
        request.setRequestThread();
        try {
            if (!head.upgrades() || !isUpgraded()) {
                relay();
            }
        } catch (IOException | RuntimeException e) {
            LOG.debug("a request can't be relayed", e);
            failed = true;
            watch.close();
            response.action(ActionCode.CLOSE_NOW, null);
            over = true;
        } finally {
            request.clearRequestThread();
        }
        return true;
    }

    private void relay() throws IOException {
        if (answered) {
            over = true;
            return;
        }
        home.configureBlocking(false);
        request.setNote(NOTE, this);
        request.action(ActionCode.ASYNC_START, NoApplication.INSTANCE);
        request.action(ActionCode.ASYNC_SETTIMEOUT, -1L);
        if (head.hasBody() && !request.hasExpectation()) {
            request.setReadListener(this);
        }
    }

    /** Waits for the answer to a request for another protocol; false if it is an answer in HTTP. */
    private boolean isUpgraded() throws IOException {
        while (!reader.hasBegun()) {
            if (readHome() < 0) {
                endsEarly();
                return false;
            }
            reader.read(fromHome.flip(), answer);
        }
        if (response.getStatus() != ResponseReader.SWITCHING_PROTOCOLS) {
            if (reader.isDone()) {
                ends();
            }
            return false;
        }
        response.action(ActionCode.CLIENT_FLUSH, null);
        home.configureBlocking(false);
        RelayTunnel tunnel = new RelayTunnel(home, loop, pool, fromHome);
        request.action(ActionCode.UPGRADE, new UpgradeToken(tunnel, null, null, "relay"));
        over = true;
        return true;
    }

    /** Tomcat waits for what happens: from now on it may. */
    public void started() {
        if (started.compareAndSet(false, true)) {
            watch.want(SelectionKey.OP_READ);
        }
    }

    /** Whether nothing more happens; Tomcat's threads may ask, when the others are done. */
    public boolean isOver() {
        return over;
    }

    /** Whether the client was told that there is no answer: nobody else has logged that. */
    public boolean isUnanswered() {
        return unanswered;
    }

    // ---------------------------------------------------------------------------------------- Tomcat's threads

    /** As {@code Adapter.asyncDispatch}. */
    public boolean asyncDispatch(SocketEvent event) {
        started();
        request.setRequestThread();
        try {
            if (event != SocketEvent.OPEN_READ && event != SocketEvent.OPEN_WRITE) {
                return giveUp();
            }
            if (!answered) {
                request.onDataAvailable();
                sendBody();
                return !is(ActionCode.IS_ERROR) || giveUp();
            }
            if (!is(ActionCode.ASYNC_IS_ASYNC)) {
                over = true;
                return !is(ActionCode.IS_ERROR);
            }
            return !(failed && is(ActionCode.ASYNC_IS_COMPLETING)) || giveUp();
        } catch (IOException | RuntimeException e) {
            LOG.debug("the client is gone", e);
            return giveUp();
        } finally {
            request.clearRequestThread();
        }
    }

    /** What is there of the body, as far as the other worker takes it. */
    private void sendBody() throws IOException {
        while (!bodySent || toHome.hasRemaining()) {
            if (!isTaken()) {
                watch.want(SelectionKey.OP_WRITE);
                return;
            }
            if (bodySent) {
                return;
            }
            if (request.isFinished()) {
                toHome = head.end();
                bodySent = true;
            } else if (request.isReady()) {
                if (request.doRead(piece) > 0) {
                    toHome = head.framed(piece.getByteBuffer());
                }
            } else {
                return;
            }
        }
    }

    /** Whether the other worker has taken what was read. If it takes nothing more, its answer says why, or its end. */
    private boolean isTaken() {
        try {
            home.write(toHome);
        } catch (IOException e) {
            LOG.debug("the other worker does not want the rest of a body", e);
            toHome = NOTHING;
            bodySent = true;
        }
        return !toHome.hasRemaining();
    }

    /** Ends the request without an answer, or in the middle of it; the client sees that. */
    private boolean giveUp() {
        failed = true;
        watch.close();
        // Whoever writes to the client at this moment.
        answering.lock();
        try {
            answered = true;
            over = true;
            if (is(ActionCode.ASYNC_IS_ASYNC)) {
                if (!is(ActionCode.ASYNC_IS_COMPLETING)) {
                    request.action(ActionCode.ASYNC_ERROR, null);
                    request.action(ActionCode.ASYNC_COMPLETE, null);
                }
                request.action(ActionCode.ASYNC_POST_PROCESS, null);
            }
            response.action(ActionCode.CLOSE_NOW, null);
        } finally {
            answering.unlock();
        }
        return false;
    }

    /**
     * Tomcat has closed the connection without a word, and uses the request for another client from now on: nothing here may
     * touch it any more. Waits for nobody, as it may be called by the thread that polls.
     */
    public void abandon() {
        abandoned = true;
        answer.close();
        answered = true;
        failed = true;
        watch.close();
    }

    /** {@inheritDoc} {@link #asyncDispatch} does it. */
    @Override
    public void onDataAvailable() {
        // Nothing more.
    }

    @Override
    public void onAllDataRead() {
        // Tomcat's adapter for applications would call it.
    }

    @Override
    public void onError(Throwable problem) {
        // Tomcat's adapter for applications would call it.
    }

    // ---------------------------------------------------------------------------------------- the pool

    /** The other worker takes more: Tomcat shall ask for it as if the client had sent something. */
    private void writable() {
        if (!answered) {
            request.action(ActionCode.DISPATCH_READ, null);
            request.action(ActionCode.DISPATCH_EXECUTE, null);
        }
    }

    private void readable() {
        boolean proceed = false;
        answering.lock();
        try {
            if (!answered) {
                readAnswer();
                proceed = answer.wantsBody() && head.hasBody() && request.hasExpectation() && !answered;
            }
        } catch (IOException | RuntimeException e) {
            LOG.debug("an answer can't be relayed", e);
            fail();
        } finally {
            answering.unlock();
        }
        if (proceed) {
            // Not under the lock: this may read from the client, under Tomcat's.
            request.setReadListener(this);
        }
    }

    private void readAnswer() throws IOException {
        while (true) {
            int count = readHome();
            if (count < 0) {
                endsEarly();
                return;
            }
            if (count == 0) {
                break;
            }
            reader.read(fromHome.flip(), answer);
            if (reader.isDone()) {
                ends();
                return;
            }
        }
        if (reader.hasBegun() && !abandoned) {
            response.action(ActionCode.CLIENT_FLUSH, null);
            if (response.isExceptionPresent()) {
                // Tomcat has asked for an end with an error.
                watch.close();
                return;
            }
        }
        watch.want(SelectionKey.OP_READ);
    }

    /** Less than 0 if the other worker has closed, or died. */
    private int readHome() {
        fromHome.clear();
        try {
            return home.read(fromHome);
        } catch (IOException e) {
            LOG.debug("the other worker is gone", e);
            return -1;
        }
    }

    /** The other worker has closed. */
    private void endsEarly() {
        if (reader.hasBegun()) {
            fail();
        } else {
            unanswered = true;
            answer.none();
            ends();
        }
    }

    private void ends() {
        if (!abandoned) {
            response.action(ActionCode.CLOSE, null);
        }
        finish();
    }

    private void fail() {
        failed = true;
        finish();
    }

    private void finish() {
        answered = true;
        watch.close();
        if (abandoned) {
            return;
        }
        // After an error of the client Tomcat asks for the end by itself.
        if (is(ActionCode.ASYNC_IS_ASYNC) && !is(ActionCode.ASYNC_IS_ERROR)) {
            request.action(ActionCode.ASYNC_COMPLETE, null);
        }
    }

    private boolean is(ActionCode question) {
        return RelayedAnswer.is(request, question);
    }
}
