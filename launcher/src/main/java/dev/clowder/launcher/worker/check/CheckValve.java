package dev.clowder.launcher.worker.check;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.clowder.launcher.wire.Observed;
import jakarta.servlet.ServletException;
import java.io.IOException;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ValveBase;

/**
 * Answers the checker: {@code X-Clowder-Check: SECRET who}, {@code memory}, {@code observed}, {@code fresh} or {@code
 * undeploy}. All
 * other requests pass.
 */
final class CheckValve extends ValveBase {
    private static final String HEADER = "X-Clowder-Check";
    private static final ObjectWriter JSON = new JsonMapper().writerFor(Observed.class);

    private final Observation observation;
    private final String worker =
            System.getProperty("clowder.worker.slot") + "/" + System.getProperty("clowder.worker.id");

    CheckValve(Observation observation) {
        super(true);
        this.observation = observation;
    }

    @Override
    public void invoke(Request request, Response response) throws IOException, ServletException {
        String asked = request.getHeader(HEADER);
        if (asked == null || !asked.startsWith(observation.secret() + " ")) {
            getNext().invoke(request, response);
            return;
        }
        response.setHeader("X-Clowder-Worker", worker);
        switch (asked.substring(observation.secret().length() + 1)) {
            case "who" -> response.setContentLength(0);
            case "memory" -> answer(response, observation.memory());
            case "observed" -> answer(response, observation.all(request.getLocalPort()));
            case "fresh" -> answer(response, observation.fresh());
            case "undeploy" -> answer(response, observation.undeploy());
            default -> response.sendError(400);
        }
    }

    private static void answer(Response response, Observed observed) throws IOException {
        byte[] json = JSON.writeValueAsString(observed).getBytes(UTF_8);
        response.setContentType("application/json");
        response.setContentLength(json.length);
        response.getOutputStream().write(json);
    }
}
