package dev.clowder.it.faulty;

import jakarta.servlet.ServletException;
import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.logging.FileHandler;
import java.util.logging.Handler;
import java.util.logging.Logger;

/** No fault: it writes a log. */
@WebServlet("/")
public class LoggingServlet extends HttpServlet {
    private static final long serialVersionUID = 1L;

    private static final Logger LOGGER = Logger.getLogger(LoggingServlet.class.getName());
    private static volatile Handler file;

    @Override
    public void init() throws ServletException {
        try {
            file = new FileHandler(getServletContext().getRealPath("/WEB-INF") + "/shop-%u.log");
        } catch (IOException e) {
            throw new ServletException(e);
        }
        LOGGER.addHandler(file);
    }

    @Override
    public void destroy() {
        LOGGER.removeHandler(file);
        file.close();
    }

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        LOGGER.info("somebody came");
        response.getWriter().print("welcome");
    }
}
