package dev.clowder.launcher.worker.check;

import dev.clowder.launcher.wire.Observed;
import jakarta.servlet.ServletContext;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedClassLoader;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordedFrame;
import jdk.jfr.consumer.RecordedThread;
import jdk.jfr.consumer.RecordingFile;
import org.apache.catalina.Context;
import org.jspecify.annotations.Nullable;

/** Which files the application wrote and which threads it started, and where in its code: from the JVM's own recorder. */
final class FlightRecorder {
    private static final String FILE_WRITE = "jdk.FileWrite";
    private static final String THREAD_START = "jdk.ThreadStart";

    private @Nullable Recording recording;
    private String reason = "";

    /**
     * What was recorded.
     *
     * @param files outside of temporary directories
     * @param threads that live
     */
    record Seen(List<Observed.FileWrite> files, List<Observed.AppThread> threads) {}

    void start() {
        try {
            Recording started = new Recording();
            started.enable(FILE_WRITE).withoutThreshold().withStackTrace();
            started.enable(THREAD_START).withStackTrace();
            started.start();
            recording = started;
        } catch (RuntimeException | LinkageError e) {
            reason = "this Java has no flight recorder (" + e + ")";
        }
    }

    Seen read(List<Context> contexts, Map<String, String> blind) {
        if (recording == null) {
            return blind(blind, reason);
        }
        try {
            Path file = Files.createTempFile("clowder-check", ".jfr");
            try {
                recording.dump(file);
                return seen(RecordingFile.readAllEvents(file), contexts);
            } finally {
                Files.deleteIfExists(file);
            }
        } catch (IOException | RuntimeException e) {
            return blind(blind, "the flight recording can't be read: " + e);
        }
    }

    private static Seen blind(Map<String, String> blind, String why) {
        blind.put("files", why);
        blind.put("threads", why);
        return new Seen(List.of(), List.of());
    }

    private static Seen seen(List<RecordedEvent> events, List<Context> contexts) {
        List<Path> temporary = temporary(contexts);
        Set<Observed.FileWrite> files = new LinkedHashSet<>();
        Map<Long, String> starters = new HashMap<>();
        for (RecordedEvent event : events) {
            String by = applicationFrame(event);
            if (by == null) {
                continue;
            }
            if (event.getEventType().getName().equals(FILE_WRITE)) {
                String path = event.getString("path");
                if (path != null && isLasting(path, temporary) && !isLog(event)) {
                    files.add(new Observed.FileWrite(
                            Path.of(path).toAbsolutePath().normalize().toString(), by));
                }
            } else if (event.getValue("thread") instanceof RecordedThread started && !Housekeeping.isOf(by)) {
                starters.put(started.getJavaThreadId(), by);
            }
        }
        return new Seen(List.copyOf(files), threads(starters));
    }

    private static List<Path> temporary(List<Context> contexts) {
        Stream<String> own = Stream.of(System.getProperty("java.io.tmpdir"));
        Stream<String> work = contexts.stream()
                .map(context -> context.getServletContext().getAttribute(ServletContext.TEMPDIR))
                .map(directory -> directory instanceof File file ? file.getPath() : "/dev");
        return Stream.concat(Stream.concat(own, work), Stream.of("/dev", "/proc"))
                .map(path -> Path.of(path).toAbsolutePath().normalize())
                .toList();
    }

    private static boolean isLasting(String path, List<Path> temporary) {
        Path file = Path.of(path).toAbsolutePath().normalize();
        return temporary.stream().noneMatch(file::startsWith);
    }

    /** Whether it was written by way of a logging library, the application's or the JDK's: a worker may have its own log. */
    private static boolean isLog(RecordedEvent event) {
        return event.getStackTrace().getFrames().stream()
                .filter(RecordedFrame::isJavaFrame)
                .map(frame -> frame.getMethod().getType().getName())
                .anyMatch(Housekeeping::isLogging);
    }

    /** Where it left the application's own code; null if it was never in it. */
    private static @Nullable String applicationFrame(RecordedEvent event) {
        if (event.getStackTrace() == null) {
            return null;
        }
        for (RecordedFrame frame : event.getStackTrace().getFrames()) {
            RecordedClassLoader loader =
                    frame.isJavaFrame() ? frame.getMethod().getType().getClassLoader() : null;
            if (loader != null
                    && loader.getType() != null
                    && loader.getType().getName().startsWith("org.apache.catalina.loader.")) {
                return frame.getMethod().getType().getName() + "."
                        + frame.getMethod().getName();
            }
        }
        return null;
    }

    private static List<Observed.AppThread> threads(Map<Long, String> starters) {
        Map<String, Observed.AppThread> alive = new TreeMap<>();
        Thread.getAllStackTraces().forEach((thread, stack) -> {
            String by = starters.get(thread.getId());
            // A request may start a thread of Tomcat's.
            if (by != null && !thread.getName().startsWith("http-nio-")) {
                alive.put(thread.getName() + by, new Observed.AppThread(thread.getName(), by, isRecurring(stack)));
            }
        });
        return new ArrayList<>(alive.values());
    }

    private static boolean isRecurring(StackTraceElement[] stack) {
        return Arrays.stream(stack)
                .map(frame -> frame.getClassName() + "." + frame.getMethodName())
                .anyMatch(frame -> frame.startsWith("java.util.TimerThread.")
                        || frame.startsWith("java.util.concurrent.ScheduledThreadPoolExecutor$DelayedWorkQueue.")
                        || frame.startsWith("java.lang.Thread.sleep"));
    }
}
