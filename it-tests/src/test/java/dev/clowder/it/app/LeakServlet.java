package dev.clowder.it.app;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.util.ArrayList;
import java.util.List;

/**
 * Uses up the heap. {@code until=100}: to the last byte. Below that: fills it to so many percent and then makes garbage
 * for ever, so that the collector runs all the time and always finds a little.
 */
@WebServlet("/leak")
public class LeakServlet extends HttpServlet {
    private static final long serialVersionUID = 1L;
    private static final int BLOCK = 16 * 1024;
    private static final List<byte[]> KEPT = new ArrayList<>();

    /** Written so that no compiler leaves the garbage out. */
    @SuppressWarnings("unused")
    private static volatile byte[] garbage = {};

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) {
        int until = Integer.parseInt(request.getParameter("until"));
        long most = Runtime.getRuntime().maxMemory();
        while (until == 100 || used() < most / 100 * until) {
            KEPT.add(new byte[BLOCK]);
        }
        while (true) {
            garbage = new byte[BLOCK];
        }
    }

    /** Asked after a collection only, or garbage would count. */
    private static long used() {
        Runtime runtime = Runtime.getRuntime();
        long used = runtime.totalMemory() - runtime.freeMemory();
        if (used < runtime.maxMemory() / 10 * 9) {
            return used;
        }
        System.gc();
        return runtime.totalMemory() - runtime.freeMemory();
    }
}
