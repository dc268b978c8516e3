package dev.clowder.valve;

import com.sun.management.ThreadMXBean;
import java.io.File;
import java.lang.management.ManagementFactory;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongUnaryOperator;

/**
 * The requests of {@link ValveBenchmark} without a valve and with each by turns, half a millisecond each, in one JVM: a
 * machine that is slow for a while is so for all of them, and their ratios can be believed. Each has a class loader of its
 * own, so that each is compiled for itself.
 */
public final class ByTurns {

    private static final List<String> VALVES = List.of("none", "RemoteIpValve", "ForwardedValve", "compatible");
    private static final List<String> HEADERS = List.of("absent", "untrusted", "one", "three", "new");
    /** Requests of a turn. */
    private static final int TURN = 512;

    private static final int WARM_UP = 600;
    private static final int TURNS = 3000;
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private ByTurns() {}

    /** Prints medians: what a valve adds to a request, in time and memory, and what part of RemoteIpValve's time it is. */
    public static void main(String[] none) throws Exception {
        System.out.println("JDK " + Runtime.version());
        for (String header : HEADERS) {
            List<LongUnaryOperator> sides = new ArrayList<>();
            for (String valve : VALVES) {
                sides.add(side(valve, header));
            }
            turns(sides, WARM_UP);
            double[][] medians = turns(sides, TURNS);
            StringBuilder line = new StringBuilder(String.format("%-9s none %.0f ns", header, medians[0][0]));
            for (int i = 1; i < VALVES.size(); i++) {
                double added = medians[i][0] - medians[0][0];
                line.append(String.format(
                        ", %s %.0f ns %.0f B", VALVES.get(i), added, medians[i][1] - medians[0][1]));
                if (i > 1) {
                    line.append(String.format(" (1/%.1f)", (medians[1][0] - medians[0][0]) / added));
                }
            }
            System.out.println(line);
        }
    }

    private static LongUnaryOperator side(String valve, String header) throws Exception {
        List<URL> path = new ArrayList<>();
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
            path.add(new File(entry).toURI().toURL());
        }
        ClassLoader loader = new URLClassLoader(path.toArray(new URL[0]), ClassLoader.getPlatformClassLoader());
        Thread.currentThread().setContextClassLoader(loader);
        return (LongUnaryOperator) loader.loadClass(Side.class.getName())
                .getConstructor(String.class, String.class)
                .newInstance(valve, header);
    }

    /** Nanoseconds and bytes of a request, for each side. */
    private static double[][] turns(List<LongUnaryOperator> sides, int turns) {
        long thread = Thread.currentThread().getId();
        double[][] times = new double[sides.size()][turns];
        double[][] medians = new double[sides.size()][2];
        for (int turn = 0; turn < turns; turn++) {
            for (int i = 0; i < sides.size(); i++) {
                long bytes = THREADS.getThreadAllocatedBytes(thread);
                long begun = System.nanoTime();
                sides.get(i).applyAsLong(TURN);
                times[i][turn] = (System.nanoTime() - begun) / (double) TURN;
                medians[i][1] += (THREADS.getThreadAllocatedBytes(thread) - bytes) / (double) TURN / turns;
            }
        }
        for (int i = 0; i < times.length; i++) {
            Arrays.sort(times[i]);
            medians[i][0] = times[i][turns / 2];
        }
        return medians;
    }

    /** One connection; serves as many requests as it is given. */
    public static final class Side implements LongUnaryOperator {
        private final ValveBenchmark benchmark = new ValveBenchmark();

        public Side(String valve, String header) throws Exception {
            benchmark.valve = valve;
            benchmark.header = header;
            benchmark.start();
        }

        @Override
        public long applyAsLong(long requests) {
            try {
                for (long i = 0; i < requests; i++) {
                    benchmark.request();
                }
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
            return requests;
        }
    }
}
