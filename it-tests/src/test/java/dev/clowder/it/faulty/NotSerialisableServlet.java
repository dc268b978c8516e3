package dev.clowder.it.faulty;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.Serializable;

/** Its fault: what it keeps in the session refers to something that can't be serialised. */
@WebServlet("/")
public class NotSerialisableServlet extends HttpServlet {
    private static final long serialVersionUID = 1L;

    /** What can't. */
    private static final class Connection {}

    /** Says that it can. */
    private static final class Basket implements Serializable {
        private static final long serialVersionUID = 1L;

        @SuppressWarnings({"serial", "unused"}) // The fault.
        private final Connection connection = new Connection();
    }

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        request.getSession().setAttribute("basket", new Basket());
        response.getWriter().print("in the basket");
    }
}
