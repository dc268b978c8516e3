package dev.clowder.it.app;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;

/** Leaves a process without a parent behind, that lives for a moment; answers its pid. */
@WebServlet("/orphan")
public class OrphanServlet extends HttpServlet {
    private static final long serialVersionUID = 1;

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        Process shell = new ProcessBuilder("sh", "-c", "sleep 2 >/dev/null 2>&1 & echo $!").start();
        shell.getInputStream().transferTo(response.getOutputStream());
    }
}
