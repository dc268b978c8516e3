package dev.clowder.it.app;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;

/** Answers at once, with what the worker tells the application of itself: {@code SLOT/ID of WORKERS}. */
@WebServlet("/worker")
public class WorkerServlet extends HttpServlet {
    private static final long serialVersionUID = 1L;

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        response.setContentType("text/plain");
        response.getWriter()
                .print(System.getProperty("clowder.worker.slot") + "/" + System.getProperty("clowder.worker.id")
                        + " of " + System.getProperty("clowder.workers"));
    }
}
