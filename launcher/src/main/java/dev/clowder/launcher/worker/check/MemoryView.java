package dev.clowder.launcher.worker.check;

import jakarta.servlet.Servlet;
import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.net.ServerSocket;
import java.net.URL;
import java.security.CodeSource;
import java.util.Collection;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.catalina.Container;
import org.apache.catalina.Context;
import org.apache.catalina.core.StandardWrapper;
import org.apache.catalina.loader.ResourceEntry;
import org.apache.catalina.loader.WebappClassLoaderBase;
import org.jspecify.annotations.Nullable;

/**
 * The values that an application keeps in the memory of this process: in static fields of the classes in its
 * {@code WEB-INF/classes}, in the fields of its servlets and listeners, and in ServletContext attributes. Of a collection
 * only the number of elements counts. Libraries and compiled pages are not looked at.
 */
final class MemoryView {
    private static final int DEEPEST = 3;
    private static final int MOST_VALUES = 20_000;
    private static final int LONGEST = 100;

    private final Context context;
    private final Map<String, String> values;
    private final Set<Object> seen = Collections.newSetFromMap(new IdentityHashMap<>());

    MemoryView(Context context, Map<String, String> values) {
        this.context = context;
        this.values = values;
    }

    void read() {
        if (!(context.getLoader() != null
                && context.getLoader().getClassLoader() instanceof WebappClassLoaderBase loader)) {
            return;
        }
        for (Class<?> type : loaded(loader)) {
            fields(type, null, type.getName(), 0);
        }
        for (Container child : context.findChildren()) {
            Servlet servlet = child instanceof StandardWrapper wrapper ? wrapper.getServlet() : null;
            if (servlet != null) {
                object(servlet, servlet.getClass().getName(), 0);
            }
        }
        for (Object[] listeners :
                List.of(context.getApplicationEventListeners(), context.getApplicationLifecycleListeners())) {
            for (Object listener : listeners) {
                object(listener, listener.getClass().getName(), 0);
            }
        }
        for (String name : Collections.list(context.getServletContext().getAttributeNames())) {
            if (!name.matches("(org\\.apache|jakarta|javax)\\..*")) {
                value(context.getServletContext().getAttribute(name), "ServletContext attribute " + name, 0);
            }
        }
    }

    /** Why static fields can't be seen; empty if they can. */
    static String obstacle() {
        try {
            entries();
            return "";
        } catch (ReflectiveOperationException | RuntimeException e) {
            return "this Tomcat does not show which classes are loaded: " + e;
        }
    }

    private static Field entries() throws ReflectiveOperationException {
        Field entries = WebappClassLoaderBase.class.getDeclaredField("resourceEntries");
        entries.setAccessible(true);
        return entries;
    }

    /** Those of the application's own classes that are loaded; none if there is an {@link #obstacle}. */
    private static List<Class<?>> loaded(WebappClassLoaderBase loader) {
        try {
            Field entries = entries();
            return ((Map<?, ?>) entries.get(loader))
                    .values().stream()
                            .map(entry -> entry instanceof ResourceEntry resource ? resource.loadedClass : null)
                            .<Class<?>>mapMulti((type, sink) -> {
                                if (type != null && isOwn(type)) {
                                    sink.accept(type);
                                }
                            })
                            .toList();
        } catch (ReflectiveOperationException | RuntimeException e) {
            return List.of();
        }
    }

    private static boolean isOwn(Class<?> type) {
        CodeSource source = type.getProtectionDomain().getCodeSource();
        URL location = source == null ? null : source.getLocation();
        return location != null && location.getPath().contains("/WEB-INF/classes/");
    }

    private void object(Object object, String path, int depth) {
        if (depth > DEEPEST || !isOwn(object.getClass()) || !seen.add(object)) {
            return;
        }
        for (Class<?> type = object.getClass(); type != null && isOwn(type); type = type.getSuperclass()) {
            fields(type, object, path, depth);
        }
    }

    private void fields(Class<?> type, @Nullable Object owner, String path, int depth) {
        for (Field field : declared(type)) {
            boolean isStatic = Modifier.isStatic(field.getModifiers());
            if (isStatic == (owner == null) && !field.isSynthetic() && !isConstant(field)) {
                try {
                    field.setAccessible(true);
                    value(field.get(owner), path + "." + field.getName(), depth + 1);
                } catch (ReflectiveOperationException | RuntimeException | LinkageError e) {
                    // A class that can't be initialised, or a field that Java keeps for itself.
                }
            }
        }
    }

    private static Field[] declared(Class<?> type) {
        try {
            return type.getDeclaredFields();
        } catch (LinkageError e) {
            return new Field[0];
        }
    }

    private static boolean isConstant(Field field) {
        Class<?> type = field.getType();
        return field.isEnumConstant()
                || (Modifier.isFinal(field.getModifiers()) && (type.isPrimitive() || type == String.class));
    }

    private void value(@Nullable Object value, String path, int depth) {
        if (values.size() >= MOST_VALUES) {
            return;
        }
        String text = simple(value);
        if (text != null) {
            values.put(path, text.length() > LONGEST ? text.substring(0, LONGEST) : text);
        } else if (value instanceof AtomicReference<?> reference) {
            value(reference.get(), path, depth);
        } else if (value != null) {
            object(value, path, depth);
        }
    }

    /** Null for what has no value of its own. */
    private static @Nullable String simple(@Nullable Object value) {
        if (value == null) {
            return "null";
        }
        // Numbers of java.util.concurrent.atomic are Numbers too.
        if (value instanceof Number
                || value instanceof CharSequence
                || value instanceof Boolean
                || value instanceof Character
                || value instanceof AtomicBoolean
                || value instanceof Enum) {
            return value.toString();
        }
        try {
            if (value instanceof Collection<?> collection) {
                return count(collection.size());
            }
            if (value instanceof Map<?, ?> map) {
                return count(map.size());
            }
        } catch (RuntimeException e) {
            return null;
        }
        if (value.getClass().isArray()) {
            return count(Array.getLength(value));
        }
        return value instanceof ServerSocket socket ? "port " + socket.getLocalPort() : null;
    }

    private static String count(int size) {
        return size + " elements";
    }
}
