package dev.clowder.it.faulty;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpSession;
import java.io.IOException;
import java.io.Serializable;

/** Its fault: what it keeps in the session can be serialised, but not all of it is. */
@WebServlet("/")
public class ForgetfulServlet extends HttpServlet {
    private static final long serialVersionUID = 1L;

    private static final class Basket implements Serializable {
        private static final long serialVersionUID = 1L;

        private transient int items; // The fault.

        synchronized int add() {
            return ++items;
        }
    }

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        HttpSession session = request.getSession();
        if (session.getAttribute("basket") == null) {
            session.setAttribute("basket", new Basket());
        }
        response.getWriter().print("items " + ((Basket) session.getAttribute("basket")).add());
    }
}
