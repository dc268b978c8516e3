package dev.clowder.it.app;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpSession;
import jakarta.servlet.http.HttpSessionBindingEvent;
import jakarta.servlet.http.HttpSessionBindingListener;
import java.io.IOException;
import java.io.ObjectOutputStream;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Puts objects into a session that are hard to move: {@code ?deep} one that is nested deeper than any stack, {@code
 * ?waits=FILE} one that can only be written when that file exists, {@code ?bound=FILE} one that can't be serialised and
 * makes that file when it leaves its session. Answers with the names of all attributes.
 */
@WebServlet("/keep")
public class KeepServlet extends HttpServlet {
    private static final long serialVersionUID = 1L;
    private static final int DEEP = 200_000;
    private static final long LONGEST = TimeUnit.SECONDS.toNanos(60);

    private static final class Nested extends ArrayList<Object> {
        private static final long serialVersionUID = 1L;
    }

    private static final class Waiting implements Serializable {
        private static final long serialVersionUID = 1L;

        final String file;

        Waiting(String file) {
            this.file = file;
        }

        private void writeObject(ObjectOutputStream out) throws IOException {
            long end = System.nanoTime() + LONGEST;
            while (!Files.exists(Path.of(file)) && System.nanoTime() - end < 0) {
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
            }
            out.defaultWriteObject();
        }
    }

    private static final class Bound implements HttpSessionBindingListener {
        final Path file;

        Bound(Path file) {
            this.file = file;
        }

        @Override
        public void valueUnbound(HttpSessionBindingEvent event) {
            try {
                Files.createFile(file);
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        HttpSession session = request.getSession();
        if (request.getParameter("deep") != null) {
            Nested nested = new Nested();
            for (int depth = 0; depth < DEEP; depth++) {
                Nested outer = new Nested();
                outer.add(nested);
                nested = outer;
            }
            session.setAttribute("deep", nested);
        }
        String waits = request.getParameter("waits");
        if (waits != null) {
            session.setAttribute("waits", new Waiting(waits));
        }
        String bound = request.getParameter("bound");
        if (bound != null) {
            session.setAttribute("bound", new Bound(Path.of(bound)));
        }
        response.setContentType("text/plain");
        StringBuilder names = new StringBuilder();
        session.getAttributeNames()
                .asIterator()
                .forEachRemaining(name -> names.append(name).append(' '));
        response.getWriter().print(names.toString().strip());
    }
}
