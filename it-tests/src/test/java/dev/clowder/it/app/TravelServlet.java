package dev.clowder.it.app;

import jakarta.servlet.AsyncContext;
import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.security.DigestInputStream;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.cert.X509Certificate;
import java.util.Collections;
import java.util.HexFormat;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;

/** What can go wrong with a request that is answered by another worker than the one that received it. */
@WebServlet(urlPatterns = "/travel/*", asyncSupported = true)
public class TravelServlet extends HttpServlet {
    private static final long serialVersionUID = 1L;
    private static final int PIECE = 50_000;

    @Override
    protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
        String how = request.getPathInfo();
        switch (how) {
            case "/facts" -> facts(request, response);
            case "/digest" -> response.getWriter().print(digest(request.getInputStream()));
            case "/bytes" -> bytes(request, response);
            case "/events" -> events(request, response);
            case "/event" -> event(request, response);
            case "/meet" -> meet(request, response);
            case "/refuse" -> response.sendError(413);
            case "/close" -> {
                response.setHeader("Connection", "close");
                response.getOutputStream().print("the end");
                response.flushBuffer();
            }
            case "/die" -> {
                if (request.getParameter("after") != null) {
                    response.setContentType("text/plain");
                    response.getOutputStream().print("so far");
                    response.flushBuffer();
                }
                Runtime.getRuntime().halt(42);
            }
            default -> response.sendError(404);
        }
    }

    private static void facts(HttpServletRequest request, HttpServletResponse response) throws IOException {
        Map<String, Object> facts = new TreeMap<>();
        facts.put("remote", request.getRemoteAddr() + ":" + request.getRemotePort());
        facts.put("local", request.getLocalAddr() + ":" + request.getLocalPort());
        facts.put("scheme", request.getScheme() + " " + request.isSecure());
        facts.put("protocol", request.getProtocol());
        facts.put("url", request.getRequestURL() + "?" + request.getQueryString());
        facts.put("cipher", request.getAttribute("jakarta.servlet.request.cipher_suite"));
        facts.put("bits", request.getAttribute("jakarta.servlet.request.key_size"));
        facts.put("tlsSession", request.getAttribute("jakarta.servlet.request.ssl_session_id") != null);
        X509Certificate[] chain = (X509Certificate[]) request.getAttribute("jakarta.servlet.request.X509Certificate");
        facts.put(
                "certificate",
                chain == null ? "none" : chain[0].getSubjectX500Principal().getName());
        facts.put("forwarded", Collections.list(request.getHeaders("X-Forwarded-For")));
        facts.put("twice", Collections.list(request.getHeaders("X-Twice")));
        response.setContentType("text/plain;charset=UTF-8");
        response.addHeader("X-Many", "a");
        response.addHeader("X-Many", "b");
        for (Map.Entry<String, Object> fact : facts.entrySet()) {
            response.getWriter().print(fact.getKey() + "=" + fact.getValue() + "\n");
        }
    }

    /** How many bytes, and their SHA-256. */
    public static String digest(InputStream body) throws IOException {
        try (DigestInputStream in = new DigestInputStream(body, MessageDigest.getInstance("SHA-256"))) {
            long length = in.transferTo(OutputStream.nullOutputStream());
            return length + " " + HexFormat.of().formatHex(in.getMessageDigest().digest());
        } catch (GeneralSecurityException e) {
            throw new IOException(e);
        }
    }

    /** The same for everybody who asks for so many. */
    public static byte[] random(int count) {
        byte[] bytes = new byte[count];
        new Random(count).nextBytes(bytes);
        return bytes;
    }

    private static void bytes(HttpServletRequest request, HttpServletResponse response) throws IOException {
        byte[] bytes = random(Integer.parseInt(request.getParameter("count")));
        if (request.getParameter("chunked") == null) {
            response.setContentLength(bytes.length);
        }
        for (int from = 0; from < bytes.length; from += PIECE) {
            response.getOutputStream().write(bytes, from, Math.min(PIECE, bytes.length - from));
        }
    }

    private static void events(HttpServletRequest request, HttpServletResponse response) throws IOException {
        AsyncContext stream = request.startAsync();
        stream.setTimeout(0);
        request.getSession().setAttribute("events", stream);
        response.setContentType("text/event-stream");
        response.flushBuffer();
    }

    /** Sends one event to the stream of this session. */
    private static void event(HttpServletRequest request, HttpServletResponse response) throws IOException {
        AsyncContext stream = (AsyncContext) request.getSession().getAttribute("events");
        if (request.getParameter("last") != null) {
            stream.complete();
        } else {
            stream.getResponse().getOutputStream().print("data: " + request.getParameter("say") + "\n\n");
            stream.getResponse().flushBuffer();
        }
        response.getWriter().print("sent");
    }

    /** Answers when as many requests of this session are here as it says. */
    private static void meet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        CyclicBarrier barrier;
        synchronized (TravelServlet.class) {
            barrier = (CyclicBarrier) request.getSession().getAttribute("barrier");
            if (barrier == null) {
                barrier = new CyclicBarrier(Integer.parseInt(request.getParameter("parties")));
                request.getSession().setAttribute("barrier", barrier);
            }
        }
        try {
            barrier.await(20, TimeUnit.SECONDS);
            response.getWriter().print("met");
        } catch (Exception e) {
            throw new IOException(e);
        }
    }
}
