package dev.clowder.launcher.worker.sessions;

import jakarta.servlet.RequestDispatcher;
import jakarta.servlet.ServletException;
import java.io.IOException;
import java.util.function.BooleanSupplier;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ValveBase;

/**
 * First in an application whose sessions are shared: a request that can't have its session is answered with 503, and with
 * the application's page for that, whatever the application has made of it, unless the answer is on its way.
 */
public final class SessionRefusal extends ValveBase {
    private static final int UNAVAILABLE = 503;

    private final BooleanSupplier sharing;

    /** @param sharing whether there is such an application; asked at each request */
    public SessionRefusal(BooleanSupplier sharing) {
        super(true);
        this.sharing = sharing;
    }

    @Override
    public void invoke(Request request, Response response) throws IOException, ServletException {
        try {
            getNext().invoke(request, response);
        } catch (SessionsUnavailableException e) {
            if (response.isCommitted()) {
                throw e;
            }
            refuse(request, response);
            return;
        }
        Visit visit = sharing.getAsBoolean() ? Visit.current() : null;
        if (visit != null && visit.refused() && !response.isCommitted()) {
            refuse(request, response);
        }
    }

    private static void refuse(Request request, Response response) throws IOException {
        request.removeAttribute(RequestDispatcher.ERROR_EXCEPTION);
        response.setSuspended(false);
        response.reset();
        response.setHeader("Retry-After", "1");
        response.sendError(UNAVAILABLE);
    }
}
