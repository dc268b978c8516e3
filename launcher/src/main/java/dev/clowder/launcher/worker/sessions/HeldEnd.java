package dev.clowder.launcher.worker.sessions;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.function.BooleanSupplier;
import org.apache.coyote.ActionCode;
import org.apache.coyote.ActionHook;
import org.apache.coyote.Response;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;
import org.jspecify.annotations.Nullable;

/**
 * Holds back the end of an answer until the session of its request is stored, whoever ends it: the application that
 * closes its stream, Tomcat behind an error page. Otherwise the client would have a whole answer to a change that may
 * still be lost. It stands between an answer and Tomcat's processor, a place that Tomcat has and does not offer.
 *
 * <p>Legal order: {@link #of}, then {@link #release} once. Any thread: an asynchronous answer may be ended by another one.
 */
final class HeldEnd implements ActionHook {
    private static final Log LOG = LogFactory.getLog(HeldEnd.class);
    private static final int UNAVAILABLE = 503;
    private static final @Nullable VarHandle HOOK = hook();

    private final Response response;
    private final ActionHook processor;
    private final BooleanSupplier refused;
    private boolean held = true;
    private boolean ended;

    private HeldEnd(Response response, ActionHook processor, BooleanSupplier refused) {
        this.response = response;
        this.processor = processor;
        this.refused = refused;
    }

    private static @Nullable VarHandle hook() {
        try {
            return MethodHandles.privateLookupIn(Response.class, MethodHandles.lookup())
                    .findVarHandle(Response.class, "hook", ActionHook.class);
        } catch (ReflectiveOperationException e) {
            LOG.warn("a Tomcat that Clowder does not know: answers that applications close end before their session is"
                    + " stored");
            return null;
        }
    }

    /**
     * Of this answer; null if its end can't be held back.
     *
     * @param refused whether the request could not have its session: then its answer says so
     */
    static @Nullable HeldEnd of(Response response, BooleanSupplier refused) {
        if (HOOK != null && HOOK.get(response) instanceof ActionHook processor) {
            HeldEnd end = new HeldEnd(response, processor, refused);
            HOOK.set(response, end);
            return end;
        }
        return null;
    }

    @Override
    public void action(ActionCode action, Object parameter) {
        if (action == ActionCode.CLOSE && isHeld()) {
            return;
        }
        if (action == ActionCode.COMMIT && refused.getAsBoolean()) {
            response.setStatus(UNAVAILABLE);
            response.setHeader("Retry-After", "1");
        }
        processor.action(action, parameter);
    }

    private synchronized boolean isHeld() {
        ended |= held;
        return held;
    }

    /** @param whole whether the answer may end, if somebody has ended it */
    void release(boolean whole) {
        boolean end;
        synchronized (this) {
            held = false;
            end = ended && whole;
        }
        if (HOOK != null) {
            HOOK.compareAndSet(response, this, processor);
        }
        if (end) {
            processor.action(ActionCode.CLOSE, response);
        }
    }
}
