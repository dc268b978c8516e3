package dev.clowder.launcher.worker.loop;

import dev.clowder.valve.ProxyNioEndpoint;
import org.apache.coyote.Adapter;
import org.apache.tomcat.util.net.NioChannel;
import org.apache.tomcat.util.net.SocketEvent;
import org.apache.tomcat.util.net.SocketWrapperBase;
import org.jspecify.annotations.Nullable;

/**
 * An endpoint whose requests may run where they are polled. Its protocol puts {@link #looping} around its adapter. Tomcat's
 * own poller starts too, and never has a connection.
 */
public class LoopEndpoint extends ProxyNioEndpoint {
    private final @Nullable CoreLoop loop;

    /** @param loops whether they may; if not, it is as its superclass */
    @SuppressWarnings("this-escape") // The loop asks for nothing before the start.
    protected LoopEndpoint(boolean loops) {
        loop = loops ? new CoreLoop(this, Watchdog.Ticks.USUAL, new Prediction()) : null;
    }

    /** @param prediction null for none: the watchdog alone sees what is slow */
    @SuppressWarnings("this-escape")
    LoopEndpoint(Watchdog.Ticks ticks, @Nullable Prediction prediction) {
        loop = new CoreLoop(this, ticks, prediction);
    }

    /** An adapter with the loop's guesses in front. */
    public Adapter looping(Adapter adapter) {
        return loop == null ? adapter : loop.adapter(adapter);
    }

    @Override
    public void startInternal() throws Exception {
        if (loop == null) {
            super.startInternal();
            return;
        }
        loop.prepare();
        super.startInternal();
        loop.start();
    }

    @Override
    public void createExecutor() {
        super.createExecutor();
        if (loop != null) {
            loop.shareThreads();
        }
    }

    @Override
    public void stopInternal() {
        if (loop != null) {
            loop.stop();
        }
        super.stopInternal();
    }

    @Override
    protected @Nullable Poller getPoller() {
        Poller own = loop == null ? null : loop.poller();
        return own == null ? super.getPoller() : own;
    }

    @Override
    public boolean processSocket(SocketWrapperBase<NioChannel> connection, SocketEvent event, boolean dispatch) {
        return (dispatch && loop != null && loop.takes(connection, event))
                || super.processSocket(connection, event, dispatch);
    }

    @Override
    protected @Nullable Runnable beforeWaiting() {
        return loop != null && loop.isLeader() ? loop::handOn : null;
    }

    @Override
    public int getKeepAliveCount() {
        Poller own = loop == null ? null : loop.poller();
        return own == null ? super.getKeepAliveCount() : own.getKeyCount();
    }

    @Override
    public int getCurrentThreadCount() {
        return super.getCurrentThreadCount() + (loop == null ? 0 : loop.threads());
    }

    @Override
    public int getCurrentThreadsBusy() {
        return super.getCurrentThreadsBusy() + (loop == null ? 0 : loop.busy());
    }
}
