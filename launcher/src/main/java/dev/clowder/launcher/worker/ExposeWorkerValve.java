package dev.clowder.launcher.worker;

import jakarta.servlet.ServletException;
import java.io.IOException;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ValveBase;

/** Says in each response which worker made it: {@code X-Clowder-Worker: SLOT/ID}. */
final class ExposeWorkerValve extends ValveBase {
    private final String worker;

    ExposeWorkerValve(int slot, String id) {
        super(true);
        worker = slot + "/" + id;
    }

    @Override
    public void invoke(Request request, Response response) throws IOException, ServletException {
        response.setHeader("X-Clowder-Worker", worker);
        getNext().invoke(request, response);
    }
}
