package dev.clowder.launcher.worker;

import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ValveBase;

/** In front of Tomcat's manager applications: they would act on one of the workers, and nobody could say on which. */
final class ManagerRefusal extends ValveBase {
    private static final String TEXT = """
            Tomcat's manager acts on one worker only, and this Tomcat runs as several behind one port.
            Use the commands of Clowder instead:
              java -jar clowder.jar status    workers and their state
              java -jar clowder.jar reload    new workers one by one, no request lost
              java -jar clowder.jar threads   what a worker is doing
            Put a .war into webapps/, or remove it, to deploy or undeploy it on all workers.
            """;

    ManagerRefusal() {
        super(true);
    }

    @Override
    public void invoke(Request request, Response response) throws IOException {
        response.setStatus(HttpServletResponse.SC_FORBIDDEN);
        response.setContentType("text/plain;charset=UTF-8");
        response.getReporter().write(TEXT);
        response.finishResponse();
    }
}
