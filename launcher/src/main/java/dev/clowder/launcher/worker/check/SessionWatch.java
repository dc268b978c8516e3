package dev.clowder.launcher.worker.check;

import dev.clowder.launcher.wire.Observed;
import jakarta.servlet.RequestDispatcher;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpSession;
import jakarta.servlet.http.HttpSessionAttributeListener;
import jakarta.servlet.http.HttpSessionBindingEvent;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.NotSerializableException;
import java.io.ObjectOutputStream;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.catalina.Session;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ValveBase;
import org.jspecify.annotations.Nullable;

/**
 * Looks at the session of each request before and after the application: which attributes can't be serialised, and which
 * have another serialised form although nobody called {@code setAttribute}. Thread-safe.
 */
final class SessionWatch extends ValveBase implements HttpSessionAttributeListener {
    /** What a session that is shared says of an attribute that it does not take. */
    private static final Pattern REFUSED = Pattern.compile("session attribute (.+): (\\S+) is not Serializable");

    /** Names that the request of this thread has set. */
    private static final ThreadLocal<@Nullable Set<String>> SET = new ThreadLocal<>();

    /** By name and kind, the first request of each. */
    private final Map<String, Observed.Attribute> faults = Collections.synchronizedMap(new LinkedHashMap<>());
    /** How many requests are in a session now. */
    private final Map<String, Integer> busy = new ConcurrentHashMap<>();

    SessionWatch() {
        super(true);
    }

    List<Observed.Attribute> faults() {
        synchronized (faults) {
            return List.copyOf(faults.values());
        }
    }

    @Override
    public void invoke(Request request, Response response) throws IOException, ServletException {
        Session before = request.getSessionInternal(false);
        String id = before == null ? "" : before.getIdInternal();
        boolean alone = before != null && busy.merge(id, 1, Integer::sum) == 1;
        Map<String, byte[]> forms = before == null ? Map.of() : forms(before, request);
        Set<String> names = new HashSet<>();
        SET.set(names);
        try {
            getNext().invoke(request, response);
        } finally {
            SET.remove();
            if (before != null) {
                alone &= busy.merge(id, -1, Integer::sum) == 0;
            }
            Session after = request.getSessionInternal(false);
            if (after != null) {
                Map<String, byte[]> now = forms(after, request);
                if (alone && after.getIdInternal().equals(id)) {
                    compare(after, forms, now, names, request);
                }
            }
            refused(request);
        }
    }

    /** The serialised form of each attribute that has one; the others are faults. Another request may end the session. */
    private Map<String, byte[]> forms(Session session, Request request) {
        Map<String, byte[]> forms = new LinkedHashMap<>();
        HttpSession attributes = session.getSession();
        try {
            for (String name : Collections.list(attributes.getAttributeNames())) {
                Object value = attributes.getAttribute(name);
                byte[] form = value == null ? null : form(name, value, request);
                if (form != null) {
                    forms.put(name, form);
                }
            }
        } catch (IllegalStateException e) {
            return Map.of();
        }
        return forms;
    }

    private byte @Nullable [] form(String name, Object value, Request request) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
            out.writeObject(value);
            out.flush();
            return bytes.toByteArray();
        } catch (NotSerializableException e) {
            add(name, value.getClass().getName(), String.valueOf(e.getMessage()), request);
        } catch (IOException | RuntimeException | LinkageError | StackOverflowError e) {
            add(name, value.getClass().getName(), e.toString(), request);
        }
        return null;
    }

    private void compare(
            Session session, Map<String, byte[]> before, Map<String, byte[]> now, Set<String> names, Request request) {
        now.forEach((name, bytes) -> {
            byte[] old = before.get(name);
            if (old != null && !names.contains(name) && !Arrays.equals(old, bytes)) {
                add(name, type(session, name), "", request);
            }
        });
    }

    private static String type(Session session, String attribute) {
        try {
            Object value = session.getSession().getAttribute(attribute);
            return value == null ? "?" : value.getClass().getName();
        } catch (IllegalStateException e) {
            return "?";
        }
    }

    /** A session that is shared refuses it at once, so it is in no session to be looked at. */
    private void refused(Request request) {
        Object thrown = request.getAttribute(RequestDispatcher.ERROR_EXCEPTION);
        for (Throwable cause = thrown instanceof Throwable t ? t : null; cause != null; cause = cause.getCause()) {
            Matcher said = REFUSED.matcher(String.valueOf(cause.getMessage()));
            if (said.find()) {
                add(said.group(1), said.group(2), said.group(2), request);
            }
        }
    }

    private void add(String name, String type, String culprit, Request request) {
        faults.putIfAbsent(
                name + " " + culprit,
                new Observed.Attribute(name, type, culprit, request.getMethod() + " " + request.getRequestURI()));
    }

    @Override
    public void attributeAdded(HttpSessionBindingEvent event) {
        note(event.getName());
    }

    @Override
    public void attributeRemoved(HttpSessionBindingEvent event) {
        note(event.getName());
    }

    @Override
    public void attributeReplaced(HttpSessionBindingEvent event) {
        note(event.getName());
    }

    private void note(String name) {
        Set<String> names = SET.get();
        if (names != null) {
            names.add(name);
        }
    }
}
