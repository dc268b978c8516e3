package dev.clowder.arquillian;

import java.io.IOException;
import org.jboss.shrinkwrap.api.ShrinkWrap;
import org.jboss.shrinkwrap.api.spec.WebArchive;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/** A test JVM under test: started by {@link AdapterIT}, watched from outside. */
final class ControlMain {
    private ControlMain() {}

    /** {@code tests CLASS} runs a class and prints each result; {@code deploy} deploys, prints the pids, and waits. */
    public static void main(String[] arguments) throws Exception {
        if (arguments[0].equals("tests")) {
            runTests(arguments[1]);
        } else {
            deployAndWait();
        }
    }

    private static void runTests(String className) {
        LauncherFactory.create()
                .execute(
                        LauncherDiscoveryRequestBuilder.request()
                                .selectors(DiscoverySelectors.selectClass(className))
                                .build(),
                        new TestExecutionListener() {
                            @Override
                            public void executionFinished(TestIdentifier test, TestExecutionResult result) {
                                if (test.isTest()) {
                                    System.out.println(result.getStatus() + " " + test.getLegacyReportingName() + " "
                                            + result.getThrowable().orElse(null));
                                }
                            }
                        });
    }

    private static void deployAndWait() throws Exception {
        ClowderConfiguration configuration = new ClowderConfiguration();
        configuration.validate();
        ClowderContainer container = new ClowderContainer();
        container.setup(configuration);
        ClowderProcess process = container
                .deploy(ShrinkWrap.create(WebArchive.class, "ROOT.war").addClass(ControlMain.class))
                .getContexts(ClowderProcess.class)
                .iterator()
                .next();
        System.out.println("PIDS " + process.handle().pid() + " "
                + String.join(
                        " ",
                        process.children().stream()
                                .map(child -> String.valueOf(child.pid()))
                                .toList()));
        waitForever();
    }

    private static void waitForever() throws IOException, InterruptedException {
        if (System.in.read() >= 0) {
            throw new IllegalStateException("nobody was expected to write");
        }
    }
}
