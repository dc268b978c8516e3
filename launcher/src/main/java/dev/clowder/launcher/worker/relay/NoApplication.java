package dev.clowder.launcher.worker.relay;

import org.apache.coyote.AsyncContextCallback;

/** Whom Tomcat tells of an asynchronous request that no application has. */
final class NoApplication implements AsyncContextCallback {
    static final NoApplication INSTANCE = new NoApplication();

    private NoApplication() {}

    @Override
    public void fireOnComplete() {
        // Nobody listens.
    }

    /** {@inheritDoc} If not, Tomcat would end the request. */
    @Override
    public boolean isAvailable() {
        return true;
    }

    @Override
    public void incrementInProgressAsyncCount() {
        // Nobody counts.
    }

    @Override
    public void decrementInProgressAsyncCount() {
        // Nobody counts.
    }
}
