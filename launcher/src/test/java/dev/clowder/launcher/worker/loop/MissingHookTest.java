package dev.clowder.launcher.worker.loop;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.launcher.worker.LogEar;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Constructor;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.Level;
import java.util.logging.Logger;
import net.bytebuddy.jar.asm.ClassReader;
import net.bytebuddy.jar.asm.ClassVisitor;
import net.bytebuddy.jar.asm.ClassWriter;
import net.bytebuddy.jar.asm.MethodVisitor;
import net.bytebuddy.jar.asm.Opcodes;
import org.apache.catalina.util.ServerInfo;
import org.apache.catalina.webresources.TomcatURLStreamHandlerFactory;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A Tomcat that has changed a method on which the loop depends, as a later release might: its classes are changed while
 * they are loaded. It serves as any Tomcat does, and one line says why.
 */
@Timeout(180)
class MissingHookTest {
    @TempDir
    private Path files;

    /** What somebody has done to a method. */
    enum Change {
        RENAMED,
        PRIVATE,
        FINAL
    }

    @ParameterizedTest
    @CsvSource({
        "RENAMED, Poller.processKey, 'Poller.processKey(SelectionKey, NioSocketWrapper)'",
        "PRIVATE, Poller.events, Poller.events()",
        "RENAMED, Poller.getKeyCount, Poller.getKeyCount()",
        "FINAL, Poller.add, 'Poller.add(NioSocketWrapper, int)'",
    })
    void withoutAHookItIsStockAndSaysSoInOneLine(Change change, String method, String missing) throws Exception {
        Logger logger = Logger.getLogger(CoreLoop.class.getName());
        logger.setLevel(Level.INFO);
        LogEar ear = new LogEar(logger, Level.ALL);
        try (ear) {
            Class<?> type = new ChangedTomcat(change, method).loadClass(Visit.class.getName());
            Constructor<?> constructor = type.getDeclaredConstructor(Path.class);
            constructor.setAccessible(true);
            assertThat((Iterable<?>) ((Callable<?>) constructor.newInstance(files)).call())
                    .hasSize(3)
                    .allMatch(thread -> ((String) thread).contains("-exec-"));
        } finally {
            logger.setLevel(null);
        }
        assertThat(ear.heard)
                .singleElement()
                .asString()
                .endsWith(": requests go to threads of the pool, as in any Tomcat (--loop off): Tomcat "
                        + ServerInfo.getServerNumber() + " has no " + missing);
    }

    /** Asks a server; the classes that it uses are those of its own loader. */
    static final class Visit implements Callable<List<String>> {
        private final Path files;

        Visit(Path files) {
            this.files = files;
        }

        @Override
        public List<String> call() throws Exception {
            // There can be one in a JVM.
            TomcatURLStreamHandlerFactory.disable();
            List<String> threads = new CopyOnWriteArrayList<>();
            try (LoopServer server = LoopServer.usual(files).start();
                    LoopClient client = new LoopClient(server.port())) {
                for (int i = 0; i < 3; i++) {
                    threads.add(client.get("/hello").body());
                }
                // What the status shows.
                CoreLoopTest.eventually(() -> server.endpoint.getCurrentThreadsBusy() == 0);
                assertThat(server.endpoint.getCurrentThreadCount()).isPositive();
                assertThat(server.endpoint.getKeepAliveCount()).isEqualTo(1);
            }
            return threads;
        }
    }

    /** Tomcat, and what is built on it, once more. */
    private static final class ChangedTomcat extends ClassLoader {
        private final Change change;
        private final String owner;
        private final String method;

        ChangedTomcat(Change change, String method) {
            super(MissingHookTest.class.getClassLoader());
            this.change = change;
            this.owner = "org/apache/tomcat/util/net/NioEndpoint" + (method.startsWith("Poller.") ? "$Poller" : "");
            this.method = method.substring(method.indexOf('.') + 1);
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            boolean own =
                    name.startsWith("org.apache.") || name.startsWith("jakarta.") || name.startsWith("dev.clowder.");
            if (!own) {
                return super.loadClass(name, resolve);
            }
            synchronized (getClassLoadingLock(name)) {
                Class<?> loaded = findLoadedClass(name);
                return loaded == null ? define(name) : loaded;
            }
        }

        private Class<?> define(String name) throws ClassNotFoundException {
            try (InputStream in = getResourceAsStream(name.replace('.', '/') + ".class")) {
                if (in == null) {
                    throw new ClassNotFoundException(name);
                }
                byte[] bytes = in.readAllBytes();
                byte[] changed = name.startsWith("org.apache.tomcat.util.net.") ? change(bytes) : bytes;
                return defineClass(name, changed, 0, changed.length);
            } catch (IOException e) {
                throw new ClassNotFoundException(name, e);
            }
        }

        private byte[] change(byte[] bytes) {
            ClassReader reader = new ClassReader(bytes);
            ClassWriter writer = new ClassWriter(0);
            boolean declares = reader.getClassName().equals(owner);
            reader.accept(
                    new ClassVisitor(Opcodes.ASM9, writer) {
                        @Override
                        public MethodVisitor visitMethod(
                                int access,
                                String name,
                                String descriptor,
                                @Nullable String signature,
                                String @Nullable [] exceptions) {
                            boolean it = declares && name.equals(method);
                            return new MethodVisitor(
                                    Opcodes.ASM9,
                                    super.visitMethod(
                                            it ? access(access) : access,
                                            it ? name(name) : name,
                                            descriptor,
                                            signature,
                                            exceptions)) {
                                @Override
                                public void visitMethodInsn(
                                        int opcode, String of, String called, String how, boolean isInterface) {
                                    boolean it = of.equals(owner) && called.equals(method);
                                    super.visitMethodInsn(opcode, of, it ? name(called) : called, how, isInterface);
                                }
                            };
                        }
                    },
                    0);
            return writer.toByteArray();
        }

        private int access(int access) {
            int others = Opcodes.ACC_PUBLIC | Opcodes.ACC_PROTECTED;
            return switch (change) {
                case RENAMED -> access;
                case PRIVATE -> (access & ~others) | Opcodes.ACC_PRIVATE;
                case FINAL -> access | Opcodes.ACC_FINAL;
            };
        }

        private String name(String name) {
            return change == Change.RENAMED ? name + "Now" : name;
        }
    }
}
