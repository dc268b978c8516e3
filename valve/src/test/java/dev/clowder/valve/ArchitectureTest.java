package dev.clowder.valve;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import org.junit.jupiter.api.Test;

/** What the valve may know of the world: the JDK and Tomcat; and its pure core not even the network. */
class ArchitectureTest {
    /** Decide who is believed: functions of bytes and text, tested without a server. */
    private static final String PURE = "(ClientResolver|ForwardedHeader|ForwardedPolicy|Hop|IpPrefix|ProxyHeader"
            + "|ProxyHeaderParser|Resolved|TrustedProxies|XForwardedHeaders)";

    private static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("dev.clowder.valve");

    @Test
    void theCoreIsPure() {
        check(noClasses()
                .that()
                .haveNameMatching("dev\\.clowder\\.valve\\." + PURE + "(\\$.*)?")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("java.net..", "java.nio.channels..", "org.apache..", "jakarta.."));
    }

    @Test
    void nothingAsksTheNameService() {
        check(noClasses().should().callMethod(InetAddress.class, "getByName", String.class));
        check(noClasses().should().callMethod(InetAddress.class, "getAllByName", String.class));
        check(noClasses().should().callMethod(InetAddress.class, "getHostName"));
        check(noClasses().should().callMethod(InetAddress.class, "getCanonicalHostName"));
        check(noClasses().should().callMethod(InetSocketAddress.class, "getHostName"));
        check(noClasses().should().callConstructor(InetSocketAddress.class, String.class, int.class));
    }

    @Test
    void thereIsNothingBesidesTheJdkAndTomcat() {
        check(classes()
                .should()
                .onlyDependOnClassesThat()
                .resideInAnyPackage(
                        "dev.clowder.valve",
                        "java..",
                        "javax.management..",
                        "javax.net.ssl..",
                        "jakarta.servlet..",
                        "org.apache.catalina..",
                        "org.apache.coyote..",
                        "org.apache.juli..",
                        "org.apache.tomcat..",
                        "org.jspecify.annotations"));
    }

    @Test
    void thePackageIsFlat() {
        check(classes().should().resideInAPackage("dev.clowder.valve"));
    }

    @Test
    void nothingPrintsOrEndsTheProcess() {
        check(noClasses().should().accessField(System.class, "out"));
        check(noClasses().should().accessField(System.class, "err"));
        check(noClasses().should().callMethod(System.class, "exit", int.class));
    }

    private static void check(ArchRule rule) {
        rule.allowEmptyShould(true).check(CLASSES);
    }
}
