package dev.clowder.it.app;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** Waits for {@code micros} microseconds, as a request does that asks a database, and says so. */
@WebServlet("/pause")
public class PauseServlet extends HttpServlet {
    private static final long serialVersionUID = 1L;

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        String micros = request.getParameter("micros");
        LockSupport.parkNanos(TimeUnit.MICROSECONDS.toNanos(Long.parseLong(micros)));
        response.getWriter().print("paused " + micros);
    }
}
