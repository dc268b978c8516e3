package dev.clowder.arquillian;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jboss.shrinkwrap.api.ShrinkWrap;
import org.jboss.shrinkwrap.api.asset.StringAsset;
import org.jboss.shrinkwrap.api.spec.WebArchive;

/**
 * Measures what a test class pays for its cluster: start, deploy, undeploy, stop. Arguments: how often (10), how many workers
 * (2). Prints milliseconds; a quiet machine is needed.
 */
final class CycleTime {
    private CycleTime() {}

    public static void main(String[] arguments) throws Exception {
        int rounds = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 10;
        ClowderConfiguration configuration = new ClowderConfiguration();
        configuration.setWorkers(arguments.length > 1 ? Integer.parseInt(arguments[1]) : 2);
        List<Long> up = new ArrayList<>();
        List<Long> whole = new ArrayList<>();
        for (int round = 0; round < rounds; round++) {
            WebArchive archive = ShrinkWrap.create(WebArchive.class, "cycle.war")
                    .addAsWebResource(new StringAsset("hello"), "index.html");
            long began = System.nanoTime();
            configuration.validate();
            ClowderContainer container = new ClowderContainer();
            container.setup(configuration);
            container.start();
            container.deploy(archive);
            up.add((System.nanoTime() - began) / 1_000_000);
            container.undeploy(archive);
            container.stop();
            whole.add((System.nanoTime() - began) / 1_000_000);
        }
        print("start and deploy", up);
        print("with undeploy and stop", whole);
    }

    private static void print(String what, List<Long> millis) {
        List<Long> sorted = new ArrayList<>(millis);
        Collections.sort(sorted);
        System.out.println(what + ": min " + sorted.get(0) + ", median " + sorted.get(sorted.size() / 2) + ", max "
                + sorted.get(sorted.size() - 1) + " ms, in order " + millis);
    }
}
