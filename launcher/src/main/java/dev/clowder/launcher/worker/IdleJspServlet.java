package dev.clowder.launcher.worker;

import jakarta.servlet.ServletConfig;
import jakarta.servlet.ServletException;
import java.io.Serial;
import org.apache.jasper.servlet.JspServlet;

/**
 * Tomcat's servlet for pages, which is in its place before it is started. Tomcat looks after it every few seconds
 * without asking whether anybody has needed it.
 */
final class IdleJspServlet extends JspServlet {
    @Serial
    private static final long serialVersionUID = 1;

    private volatile boolean started;

    @Override
    public void init(ServletConfig config) throws ServletException {
        super.init(config);
        started = true;
    }

    @Override
    public void periodicEvent() {
        if (started) {
            super.periodicEvent();
        }
    }
}
