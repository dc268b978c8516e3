package dev.clowder.launcher.worker.sessions;

import jakarta.servlet.RequestDispatcher;
import jakarta.servlet.ServletException;
import java.io.IOException;
import java.util.List;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ValveBase;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;

/**
 * Outermost in an application whose sessions are shared: what a request did to its session is stored before its answer
 * ends. A request that can't have its session is answered with 503, and one whose session can't be written with 500,
 * unless the answer is on its way.
 *
 * <p>An asynchronous request gives its session back when its servlet returns, and has it again in each dispatch.
 */
public final class SharedSessionsValve extends ValveBase {
    private static final Log LOG = LogFactory.getLog(SharedSessionsValve.class);
    private static final String SESSIONS = SharedSessionsValve.class.getName();

    public SharedSessionsValve() {
        super(true);
    }

    @Override
    public void invoke(Request request, Response response) throws IOException, ServletException {
        Visit visit = Visit.begin();
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
        boolean refused = knownToBeRefused || visit.refused();
        try {
            visit.end();
        } catch (SessionsUnavailableException e) {
            refused = true;
        } catch (IOException e) {
            LOG.error(request.getRequestURI() + ": the session is not stored: " + e.getMessage());
            refuse(request, response, 500);
        }
        if (refused) {
            response.setHeader("Retry-After", "1");
            refuse(request, response, 503);
        }
    }

    private static void refuse(Request request, Response response, int status) throws IOException {
        if (response.isCommitted()) {
            return;
        }
        request.removeAttribute(RequestDispatcher.ERROR_EXCEPTION);
        String retry = response.getHeader("Retry-After");
        response.setSuspended(false);
        response.reset();
        if (retry != null) {
            response.setHeader("Retry-After", retry);
        }
        response.sendError(status);
    }
}
