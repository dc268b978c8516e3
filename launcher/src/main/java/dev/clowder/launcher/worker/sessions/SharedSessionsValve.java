package dev.clowder.launcher.worker.sessions;

import jakarta.servlet.RequestDispatcher;
import jakarta.servlet.ServletException;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ValveBase;
import org.apache.coyote.ActionCode;
import org.apache.coyote.CloseNowException;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;
import org.jspecify.annotations.Nullable;

/**
 * First in an engine whose applications share their sessions: whoever asks for the session of a request, a valve of the
 * host, a listener, the application or its error page, does so within one {@link Visit}, which ends here. What was done
 * to the session is stored before the answer ends. A request that can't have its session is answered with 503, and one
 * whose session can't be written with 500. An answer that is on its way then is broken off.
 *
 * <p>An asynchronous request gives its session back when its servlet returns, and has it again in each dispatch.
 */
public final class SharedSessionsValve extends ValveBase {
    private static final Log LOG = LogFactory.getLog(SharedSessionsValve.class);
    private static final String SESSIONS = SharedSessionsValve.class.getName();
    private static final int FAILED = 500;
    private static final int UNAVAILABLE = 503;

    private final BooleanSupplier sharing;

    /** @param sharing whether there is such an application; asked at each request */
    public SharedSessionsValve(BooleanSupplier sharing) {
        super(true);
        this.sharing = sharing;
    }

    @Override
    public void invoke(Request request, Response response) throws IOException, ServletException {
        Visit visit = sharing.getAsBoolean() ? Visit.begin(response.getCoyoteResponse()) : null;
        if (visit == null) {
            getNext().invoke(request, response);
            return;
        }
        SessionsUnavailableException refusal = null;
        try {
            haveAgain(request, visit);
            getNext().invoke(request, response);
        } catch (SessionsUnavailableException e) {
            refusal = e;
        } finally {
            if (request.isAsync()) {
                request.setNote(SESSIONS, visit.sessions());
            }
            end(visit, request, response, refusal);
        }
    }

    /** Its sessions may have been changed by others since this request gave them back. */
    private static void haveAgain(Request request, Visit visit) {
        if (request.getNote(SESSIONS) instanceof List<?> before) {
            request.removeNote(SESSIONS);
            for (Object had : before) {
                if (had instanceof SharedSession session && session.alive()) {
                    visit.haveAgain(session);
                }
            }
        }
    }

    private static void end(
            Visit visit, Request request, Response response, @Nullable SessionsUnavailableException refusal)
            throws IOException {
        Exception failure = refusal;
        boolean whole = false;
        try {
            try {
                visit.end();
            } catch (SessionsUnavailableException e) {
                failure = e;
            } catch (IOException e) {
                LOG.error(request.getRequestURI() + ": the session is not stored: " + e.getMessage());
                failure = e;
            }
            if (response.isCommitted()) {
                whole = failure == null;
            } else {
                whole = true;
                if (failure instanceof IOException) {
                    refuse(response, FAILED);
                } else if (failure != null || visit.refused()) {
                    refuse(response, UNAVAILABLE);
                }
            }
        } finally {
            visit.answerMayEnd(whole);
        }
        if (!whole && failure != null) {
            breakOff(request, response, failure);
        }
    }

    /** The client has a part of the answer, which must not look as if the change was made. */
    private static void breakOff(Request request, Response response, Exception failure) {
        // Tomcat ends an asynchronous request by that.
        request.setAttribute(RequestDispatcher.ERROR_EXCEPTION, failure);
        // Over HTTP/2 it would end the stream as if all was well, and reset it behind that. It asks for trailers
        // before.
        AtomicBoolean hasTrailers = new AtomicBoolean();
        response.getCoyoteResponse().action(ActionCode.IS_TRAILER_FIELDS_SUPPORTED, hasTrailers);
        if (hasTrailers.get()) {
            response.getCoyoteResponse().setTrailerFields(() -> raise(new CloseNowException(failure)));
        }
        response.getCoyoteResponse().action(ActionCode.CLOSE_NOW, failure);
        response.setSuspended(true);
    }

    /** Throws what a supplier does not declare, and its caller expects. */
    @SuppressWarnings("unchecked")
    private static <E extends Exception> Map<String, String> raise(Exception e) throws E {
        throw (E) e;
    }

    /** Without a page: the host is done with the request. */
    private static void refuse(Response response, int status) throws IOException {
        response.setSuspended(false);
        response.reset();
        if (status == UNAVAILABLE) {
            response.setHeader("Retry-After", "1");
        }
        response.sendError(status);
        response.setSuspended(false);
    }
}
