package dev.clowder.it.faulty;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Its fault: a cache of what users said, in an attribute of the ServletContext. */
@WebServlet("/")
public class ContextAttributeServlet extends HttpServlet {
    private static final long serialVersionUID = 1L;

    @Override
    public void init() {
        getServletContext().setAttribute("cache", new ConcurrentHashMap<Integer, String>());
    }

    @Override
    @SuppressWarnings("unchecked")
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        Map<Integer, String> cache = (Map<Integer, String>) getServletContext().getAttribute("cache");
        cache.put(cache.size(), "said");
        response.getWriter().print("thank you");
    }
}
