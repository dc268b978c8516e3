package dev.clowder.launcher.worker.sessions;

import jakarta.servlet.ServletException;
import java.io.IOException;
import java.util.List;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ValveBase;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;

/**
 * First in an engine whose applications share their sessions: whoever asks for the session of a request, a valve of the
 * host, a listener, the application or its error page, does so within one {@link Visit}, which ends here. What was done
 * to the session is stored before the answer ends. A request that can't have its session is answered with 503, and one
 * whose session can't be written with 500, unless the answer is on its way.
 *
 * <p>An asynchronous request gives its session back when its servlet returns, and has it again in each dispatch.
 */
public final class SharedSessionsValve extends ValveBase {
    private static final Log LOG = LogFactory.getLog(SharedSessionsValve.class);
    private static final String SESSIONS = SharedSessionsValve.class.getName();
    private static final int FAILED = 500;
    private static final int UNAVAILABLE = 503;

    public SharedSessionsValve() {
        super(true);
    }

    @Override
    public void invoke(Request request, Response response) throws IOException, ServletException {
        Visit visit = Visit.begin(response.getCoyoteResponse());
        if (visit == null) {
            getNext().invoke(request, response);
            return;
        }
        boolean refused = false;
        try {
            haveAgain(request, visit);
            getNext().invoke(request, response);
        } catch (SessionsUnavailableException e) {
            refused = true;
        } finally {
            if (request.isAsync()) {
                request.setNote(SESSIONS, visit.sessions());
            }
            end(visit, request, response, refused);
        }
    }

    /** Its sessions may have been changed by others since this request gave them back. */
    private static void haveAgain(Request request, Visit visit) {
        if (request.getNote(SESSIONS) instanceof List<?> before) {
            request.removeNote(SESSIONS);
            for (Object had : before) {
                if (had instanceof SharedSession session && session.alive()) {
                    visit.find((SharedSessions) session.getManager(), session.getIdInternal());
                }
            }
        }
    }

    private static void end(Visit visit, Request request, Response response, boolean knownToBeRefused)
            throws IOException {
        int failure = knownToBeRefused || visit.refused() ? UNAVAILABLE : 0;
        try {
            visit.end();
        } catch (SessionsUnavailableException e) {
            failure = UNAVAILABLE;
        } catch (IOException e) {
            LOG.error(request.getRequestURI() + ": the session is not stored: " + e.getMessage());
            failure = FAILED;
        }
        try {
            if (failure != 0 && !response.isCommitted()) {
                refuse(response, failure);
            }
        } finally {
            visit.answerMayEnd(true);
        }
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
