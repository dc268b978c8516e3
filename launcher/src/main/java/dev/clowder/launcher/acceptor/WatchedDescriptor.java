package dev.clowder.launcher.acceptor;

import io.netty.channel.IoEvent;
import io.netty.channel.IoEventLoop;
import io.netty.channel.IoRegistration;
import io.netty.channel.epoll.EpollIoHandle;
import io.netty.channel.epoll.EpollIoOps;
import io.netty.channel.unix.FileDescriptor;
import java.io.IOException;
import java.io.UncheckedIOException;
import org.jspecify.annotations.Nullable;

/** A descriptor that an event loop watches, and closes in the end. Belongs to the loop's thread. */
final class WatchedDescriptor implements EpollIoHandle {
    /** No event but that of an error, which always comes; a registration that once asked for none can't go on. */
    static final EpollIoOps NOTHING = EpollIoOps.EPOLLERR;

    private final FileDescriptor descriptor;
    private final Runnable action;
    private @Nullable IoRegistration registration;
    private EpollIoOps wanted = NOTHING;

    /** Runs the action at each event that was asked for, as long as its cause lasts. */
    WatchedDescriptor(IoEventLoop loop, FileDescriptor descriptor, Runnable action) {
        this.descriptor = descriptor;
        this.action = action;
        loop.register(this).addListener(registered -> {
            registration = (IoRegistration) registered.get();
            registration.submit(wanted);
        });
    }

    /** Asks for these events instead of the ones before. */
    void on(EpollIoOps events) {
        IoRegistration current = registration;
        if (wanted.equals(events)) {
            return;
        }
        wanted = events;
        if (current != null && current.isValid()) {
            current.submit(events);
        }
    }

    /** Watches no longer and closes the descriptor; doing it again has no effect. */
    void end() {
        IoRegistration current = registration;
        if (current != null) {
            current.cancel();
        }
        close();
    }

    @Override
    public FileDescriptor fd() {
        return descriptor;
    }

    @Override
    public void handle(IoRegistration registered, IoEvent event) {
        if (registered.isValid()) {
            action.run();
        }
    }

    /** Called by the loop when it ends. */
    @Override
    public void close() {
        if (descriptor.isOpen()) {
            try {
                descriptor.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
