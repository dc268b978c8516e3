package dev.clowder.launcher.worker;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.tomcat.util.modeler.AttributeInfo;
import org.apache.tomcat.util.modeler.FeatureInfo;
import org.apache.tomcat.util.modeler.ManagedBean;
import org.apache.tomcat.util.modeler.NotificationInfo;
import org.apache.tomcat.util.modeler.OperationInfo;
import org.apache.tomcat.util.modeler.ParameterInfo;
import org.apache.tomcat.util.modeler.Registry;
import org.jspecify.annotations.Nullable;

/**
 * What Tomcat's MBeans have to say of themselves. Tomcat reads that from an XML file in each of its packages, and a sixth of
 * the time until a worker is ready went there. So the build reads them ({@link ManagedBeansMain}) and leaves one file, in
 * which each text stands once; {@code clowder.jar} has no others.
 */
final class ManagedBeans {
    /** Beside this class. */
    static final String FILE = "managed-beans";

    private ManagedBeans() {}

    /** Tells Tomcat's registry of all of them. Where the file is missing, Tomcat looks for its own. */
    static void load() {
        try (InputStream file = ManagedBeans.class.getResourceAsStream(FILE)) {
            if (file != null) {
                Registry registry = Registry.getRegistry(null);
                read(file).forEach(registry::addManagedBean);
            }
        } catch (IOException e) {
            throw new IllegalStateException("the file " + FILE + " of this jar", e);
        }
    }

    static List<ManagedBean> read(InputStream file) throws IOException {
        return new Reader(new DataInputStream(new BufferedInputStream(file, 64 * 1024))).beans();
    }

    private static final class Reader {
        private final DataInputStream in;
        /** Each once; the first one is null. */
        private final @Nullable String[] texts;

        Reader(DataInputStream in) throws IOException {
            this.in = in;
            texts = new String[in.readUnsignedShort()];
            for (int i = 1; i < texts.length; i++) {
                texts[i] = in.readUTF();
            }
        }

        private @Nullable String text() throws IOException {
            return texts[in.readUnsignedShort()];
        }

        List<ManagedBean> beans() throws IOException {
            List<ManagedBean> beans = new ArrayList<>();
            for (int left = in.readUnsignedShort(); left > 0; left--) {
                ManagedBean bean = new ManagedBean();
                bean.setName(text());
                bean.setClassName(text());
                bean.setDescription(text());
                bean.setDomain(text());
                bean.setGroup(text());
                bean.setType(text());
                for (int i = in.readUnsignedShort(); i > 0; i--) {
                    bean.addAttribute(attribute());
                }
                for (int i = in.readUnsignedShort(); i > 0; i--) {
                    bean.addOperation(operation());
                }
                for (int i = in.readUnsignedShort(); i > 0; i--) {
                    bean.addNotification(notification());
                }
                beans.add(bean);
            }
            return beans;
        }

        private <T extends FeatureInfo> T feature(T feature) throws IOException {
            feature.setName(text());
            feature.setDescription(text());
            feature.setType(text());
            return feature;
        }

        private AttributeInfo attribute() throws IOException {
            AttributeInfo attribute = feature(new AttributeInfo());
            attribute.setDisplayName(text());
            attribute.setGetMethod(text());
            attribute.setSetMethod(text());
            attribute.setReadable(in.readBoolean());
            attribute.setWriteable(in.readBoolean());
            attribute.setIs(in.readBoolean());
            return attribute;
        }

        private OperationInfo operation() throws IOException {
            OperationInfo operation = feature(new OperationInfo());
            operation.setImpact(text());
            operation.setRole(text());
            for (int i = in.readUnsignedShort(); i > 0; i--) {
                operation.addParameter(feature(new ParameterInfo()));
            }
            return operation;
        }

        private NotificationInfo notification() throws IOException {
            NotificationInfo notification = feature(new NotificationInfo());
            for (int i = in.readUnsignedShort(); i > 0; i--) {
                notification.addNotifType(text());
            }
            return notification;
        }
    }

    /** The content of the file, which depends on nothing but the beans. */
    static byte[] write(List<ManagedBean> beans) throws IOException {
        Writer writer = new Writer();
        List<ManagedBean> sorted = new ArrayList<>(beans);
        sorted.sort(Comparator.comparing(ManagedBean::getName));
        writer.out.writeShort(sorted.size());
        for (ManagedBean bean : sorted) {
            writer.bean(bean);
        }
        ByteArrayOutputStream file = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(file);
        out.writeShort(1 + writer.texts.size());
        for (String text : writer.texts.keySet()) {
            out.writeUTF(text);
        }
        writer.body.writeTo(out);
        return file.toByteArray();
    }

    private static final class Writer {
        private final Map<String, Integer> texts = new LinkedHashMap<>();
        private final ByteArrayOutputStream body = new ByteArrayOutputStream();
        private final DataOutputStream out = new DataOutputStream(body);

        private void text(@Nullable String text) throws IOException {
            out.writeShort(text == null ? 0 : texts.computeIfAbsent(text, added -> 1 + texts.size()));
        }

        void bean(ManagedBean bean) throws IOException {
            text(bean.getName());
            text(bean.getClassName());
            text(bean.getDescription());
            text(bean.getDomain());
            text(bean.getGroup());
            text(bean.getType());
            out.writeShort(bean.getAttributes().length);
            for (AttributeInfo attribute : sorted(bean.getAttributes())) {
                attribute(attribute);
            }
            out.writeShort(bean.getOperations().length);
            for (OperationInfo operation : sorted(bean.getOperations())) {
                operation(operation);
            }
            out.writeShort(bean.getNotifications().length);
            for (NotificationInfo notification : sorted(bean.getNotifications())) {
                feature(notification);
                out.writeShort(notification.getNotifTypes().length);
                for (String type : notification.getNotifTypes()) {
                    text(type);
                }
            }
        }

        private static <T extends FeatureInfo> List<T> sorted(T[] features) {
            return Stream.of(features)
                    .sorted(Comparator.comparing(FeatureInfo::getName))
                    .toList();
        }

        private void feature(FeatureInfo feature) throws IOException {
            text(feature.getName());
            text(feature.getDescription());
            text(feature.getType());
        }

        private void attribute(AttributeInfo attribute) throws IOException {
            feature(attribute);
            text(attribute.getDisplayName());
            text(attribute.getGetMethod());
            text(attribute.getSetMethod());
            out.writeBoolean(attribute.isReadable());
            out.writeBoolean(attribute.isWriteable());
            out.writeBoolean(attribute.isIs());
        }

        private void operation(OperationInfo operation) throws IOException {
            feature(operation);
            text(operation.getImpact());
            text(operation.getRole());
            out.writeShort(operation.getSignature().length);
            for (ParameterInfo parameter : operation.getSignature()) {
                feature(parameter);
            }
        }
    }
}
