package dev.clowder.launcher.worker;

import jakarta.servlet.ServletException;
import java.io.IOException;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ValveBase;

/** Lets the responses that are not committed when the application is done with them say goodbye: those without a body. */
final class GoodbyeValve extends ValveBase {
    GoodbyeValve() {
        super(true);
    }

    @Override
    public void invoke(Request request, Response response) throws IOException, ServletException {
        getNext().invoke(request, response);
        // Somebody else may be writing an asynchronous one at this moment; those have a body as a rule.
        if (!request.isAsync()
                && !response.isCommitted()
                && request.getConnector().getProtocolHandler() instanceof WorkerProtocol protocol) {
            protocol.sayGoodbye(request.getCoyoteRequest(), response.getCoyoteResponse());
        }
    }
}
