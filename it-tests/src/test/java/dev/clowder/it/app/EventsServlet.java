package dev.clowder.it.app;

import jakarta.servlet.AsyncContext;
import jakarta.servlet.AsyncEvent;
import jakarta.servlet.AsyncListener;
import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;

/** A stream of server-sent events that says one word, waits for ever, and says another when it is asked to end. */
@WebServlet(urlPatterns = "/events", asyncSupported = true)
public class EventsServlet extends HttpServlet {
    private static final long serialVersionUID = 1L;

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        response.setContentType("text/event-stream");
        response.getOutputStream().print("data: open\n\n");
        response.flushBuffer();
        AsyncContext stream = request.startAsync();
        stream.setTimeout(0);
        stream.addListener(new Goodbye(stream));
    }

    private record Goodbye(AsyncContext stream) implements AsyncListener {
        @Override
        public void onTimeout(AsyncEvent event) throws IOException {
            stream.getResponse().getOutputStream().print("data: bye\n\n");
            stream.complete();
        }

        @Override
        public void onComplete(AsyncEvent event) {}

        @Override
        public void onError(AsyncEvent event) {}

        @Override
        public void onStartAsync(AsyncEvent event) {}
    }
}
