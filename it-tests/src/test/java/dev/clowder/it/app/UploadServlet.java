package dev.clowder.it.app;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/**
 * Sends {@code started}, then reads the body to its end, then sends it back: the client decides how long the request is
 * in flight.
 */
@WebServlet("/upload")
public class UploadServlet extends HttpServlet {
    private static final long serialVersionUID = 1L;

    @Override
    protected void doPost(HttpServletRequest request, HttpServletResponse response) throws IOException {
        response.setContentType("text/plain");
        response.getOutputStream().print("started");
        response.flushBuffer();
        byte[] body = request.getInputStream().readAllBytes();
        response.getOutputStream().print(" got " + new String(body, StandardCharsets.US_ASCII));
    }
}
