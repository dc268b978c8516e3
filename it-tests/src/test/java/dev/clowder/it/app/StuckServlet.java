package dev.clowder.it.app;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.util.concurrent.locks.LockSupport;

/** Never answers: the first request keeps a lock for ever, all others wait for it. */
@WebServlet("/stuck")
public class StuckServlet extends HttpServlet {
    private static final long serialVersionUID = 1L;
    private static final Object LOCK = new Object();

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) {
        synchronized (LOCK) {
            while (true) {
                LockSupport.park(LOCK);
            }
        }
    }
}
