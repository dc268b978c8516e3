package dev.clowder.valve;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.belongToAnyOf;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What the valve may know of the world: the JDK and Tomcat; and its core not even those that reach the network. */
@Tag("once")
class ArchitectureTest {
    /** The classes that stand between Tomcat and the core. Every other class is of the core, a new one too. */
    private static final Set<String> ADAPTERS = Set.of(
            "ConnectionPeer",
            "CoyoteHead",
            "Forwarded",
            "ForwardedAttributes",
            "ForwardedRequest",
            "ForwardedValve",
            "ForwardingAdapter",
            "KeptHeader",
            "PrefixedRequest",
            "ProxyAdapter",
            "ProxyHttp11NioProtocol",
            "ProxyLobby",
            "ProxyNioEndpoint",
            "ProxyProtocol",
            "ProxySocketWrapper",
            "RemoteIpRequest",
            "RequestRewriter");

    /** Addresses made from the bytes of a header; making one asks nobody. */
    private static final List<Class<?>> ADDRESSES = List.of(
            InetAddress.class,
            Inet4Address.class,
            Inet6Address.class,
            InetSocketAddress.class,
            SocketAddress.class,
            UnixDomainSocketAddress.class,
            UnknownHostException.class);

    private static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("dev.clowder.valve");

    @Test
    void theCoreKnowsNeitherTomcatNorSockets() {
        check(noClasses()
                .that(areOfTheCore())
                .should()
                .dependOnClassesThat(resideInAnyPackage(
                                "org.apache..", "jakarta..", "java.net..", "java.nio.channels..", "javax.net..")
                        .and(not(belongToAnyOf(ADDRESSES.toArray(Class<?>[]::new))))));
    }

    @Test
    void forwardingTreatsAddressesAsText() {
        check(noClasses()
                .that(areOfTheCore())
                .and()
                .haveNameNotMatching(".*\\.Proxy.*")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("java.net.."));
    }

    @Test
    void everyAdapterNamedHereExists() {
        assertThat(CLASSES.stream().map(JavaClass::getSimpleName)).containsAll(ADAPTERS);
    }

    @Test
    void onlyEnableLookupsAsksTheNameService() {
        // ProxySocketWrapper answers Tomcat's enableLookups="true", which is off unless somebody asks for it.
        check(noClasses().should().callMethod(InetAddress.class, "getByName", String.class));
        check(noClasses().should().callMethod(InetAddress.class, "getAllByName", String.class));
        check(noClasses().should().callMethod(InetAddress.class, "getHostName"));
        check(noClasses().should().callMethod(InetAddress.class, "getCanonicalHostName"));
        check(noClasses().should().callConstructor(InetSocketAddress.class, String.class, int.class));
        check(noClasses()
                .that()
                .doNotHaveSimpleName("ProxySocketWrapper")
                .should()
                .callMethod(InetSocketAddress.class, "getHostName"));
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

    private static DescribedPredicate<JavaClass> areOfTheCore() {
        return describe("are of the core", c -> !ADAPTERS.contains(topLevel(c).getSimpleName()));
    }

    private static JavaClass topLevel(JavaClass c) {
        return c.getEnclosingClass().map(ArchitectureTest::topLevel).orElse(c);
    }

    private static void check(ArchRule rule) {
        rule.check(CLASSES);
    }
}
