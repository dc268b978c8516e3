package dev.clowder.launcher.worker;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import javax.management.JMException;
import javax.management.MBeanAttributeInfo;
import javax.management.MBeanInfo;
import javax.management.MBeanOperationInfo;
import org.apache.tomcat.util.modeler.ManagedBean;
import org.junit.jupiter.api.Test;

/** Whoever looks at a worker with JMX sees what Tomcat shows. */
class ManagedBeansTest {
    @Test
    void theFileOfTheBuildIsWhatTomcatWouldRead() throws Exception {
        Map<String, ManagedBean> read = byName(ManagedBeansMain.collect());
        assertThat(read).containsKeys("StandardContext", "StandardEngine", "MBeanFactory");
        try (InputStream file = ManagedBeans.class.getResourceAsStream(ManagedBeans.FILE)) {
            assertThat(file).isNotNull();
            Map<String, ManagedBean> built = byName(ManagedBeans.read(file));
            assertThat(built.keySet()).isEqualTo(read.keySet());
            read.forEach(
                    (name, bean) -> assertThat(text(built.get(name))).as(name).isEqualTo(text(bean)));
        }
    }

    @Test
    void whatIsWrittenIsWhatIsRead() throws Exception {
        byte[] file = ManagedBeans.write(ManagedBeansMain.collect());
        assertThat(ManagedBeans.write(ManagedBeans.read(new ByteArrayInputStream(file))))
                .isEqualTo(file);
    }

    /** By name: that two of Tomcat's had the same would make one of them disappear. */
    private static Map<String, ManagedBean> byName(List<ManagedBean> beans) {
        Map<String, ManagedBean> byName = new TreeMap<>();
        beans.forEach(bean ->
                assertThat(byName.put(bean.getName(), bean)).as(bean.getName()).isNull());
        return byName;
    }

    private static String text(ManagedBean bean) {
        StringBuilder text = new StringBuilder()
                .append(List.of(bean.getClassName(), String.valueOf(bean.getDomain()), String.valueOf(bean.getGroup())))
                .append(bean.getType());
        MBeanInfo info = info(bean);
        text.append(info.getDescription()).append(info.getClassName());
        Map<String, Object> parts = new TreeMap<>();
        for (MBeanAttributeInfo attribute : info.getAttributes()) {
            parts.put("attribute " + attribute.getName(), attribute);
        }
        for (MBeanOperationInfo operation : info.getOperations()) {
            parts.put("operation " + operation, operation);
        }
        return text.append(parts).append(List.of(info.getNotifications())).toString();
    }

    /** As a client of JMX gets it, with an object behind it that does nothing. */
    private static MBeanInfo info(ManagedBean bean) {
        try {
            return bean.createMBean(null).getMBeanInfo();
        } catch (JMException e) {
            throw new IllegalStateException(e);
        }
    }
}
