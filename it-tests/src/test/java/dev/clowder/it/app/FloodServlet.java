package dev.clowder.it.app;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/** Writes {@code megabytes} to standard output, as one single line if {@code line} is given, then answers. */
@WebServlet("/flood")
public class FloodServlet extends HttpServlet {
    private static final long serialVersionUID = 1L;

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        int megabytes = Integer.parseInt(request.getParameter("megabytes"));
        String end = request.getParameter("line") == null ? "\n" : " ";
        byte[] piece = ("all work and no play makes a dull log ".repeat(27).substring(0, 1023) + end)
                .getBytes(StandardCharsets.US_ASCII);
        PrintStream out = System.out;
        for (int kilobytes = 0; kilobytes < megabytes * 1024; kilobytes++) {
            out.write(piece, 0, piece.length);
        }
        out.flush();
        response.getWriter().print("wrote " + megabytes);
    }
}
