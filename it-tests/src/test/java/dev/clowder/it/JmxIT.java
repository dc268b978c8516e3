package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.tools.attach.VirtualMachine;
import dev.clowder.arquillian.ClowderProcess;
import java.nio.file.Path;
import java.time.Duration;
import java.util.stream.Stream;
import javax.management.MBeanAttributeInfo;
import javax.management.MBeanInfo;
import javax.management.ObjectName;
import javax.management.remote.JMXConnector;
import javax.management.remote.JMXConnectorFactory;
import javax.management.remote.JMXServiceURL;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whoever looks at a worker with JMX. */
class JmxIT {
    @Test
    @Tag("once")
    @DisplayName(
            "a worker's MBeans say of themselves what Tomcat's descriptors say, though the jar has none of those files")
    void mbeansAreDescribedAsByTomcat(@TempDir Path files) throws Exception {
        try (ClowderProcess cluster = ClowderProcess.builder()
                .application("/", Apps.write(Apps.probe("probe.war"), files))
                .root(files)
                .workers(1)
                .start()) {
            long pid = cluster.awaitReady(Duration.ofMinutes(2)).worker(1).pid();
            MBeanInfo engine = info(pid, "Tomcat:type=Engine");
            // Tomcat's words; without its descriptors it would say what it finds by reflection.
            assertThat(engine.getDescription()).isEqualTo("Standard Engine Component");
            assertThat(Stream.of(engine.getAttributes()).map(MBeanAttributeInfo::getName))
                    .contains("defaultHost", "jvmRoute", "stateName");
            assertThat(info(pid, "Tomcat:type=MBeanFactory").getOperations()).isNotEmpty();
        }
    }

    private static MBeanInfo info(long pid, String name) throws Exception {
        VirtualMachine worker = VirtualMachine.attach(String.valueOf(pid));
        try {
            JMXServiceURL url = new JMXServiceURL(worker.startLocalManagementAgent());
            try (JMXConnector connector = JMXConnectorFactory.connect(url)) {
                return connector.getMBeanServerConnection().getMBeanInfo(new ObjectName(name));
            }
        } finally {
            worker.detach();
        }
    }
}
