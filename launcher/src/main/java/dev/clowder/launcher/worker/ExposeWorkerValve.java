package dev.clowder.launcher.worker;

import jakarta.servlet.ServletException;
import java.io.IOException;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ValveBase;

/** Says in each response which worker made it: {@code X-Clowder-Worker: SLOT/ID}. */
final class ExposeWorkerValve extends ValveBase {
    private final Place place;

    ExposeWorkerValve(Place place) {
        super(true);
        this.place = place;
    }

    @Override
    public void invoke(Request request, Response response) throws IOException, ServletException {
        response.setHeader("X-Clowder-Worker", place.toString());
        getNext().invoke(request, response);
    }
}
