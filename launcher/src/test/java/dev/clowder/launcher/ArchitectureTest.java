package dev.clowder.launcher;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.core.domain.JavaCall.Predicates.target;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.belongToAnyOf;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.type;
import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.name;
import static com.tngtech.archunit.core.domain.properties.HasOwner.Predicates.With.owner;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import java.time.Instant;
import java.util.function.Predicate;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The arrows between the packages of the launcher, and who may touch the operating system. */
@Tag("once")
class ArchitectureTest {
    private static final String ROOT = "dev.clowder.launcher";

    private static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages(ROOT);

    @Test
    void arrowsPointOneWayAndSupervisorAndWorkerNeverSeeEachOther() {
        layeredArchitecture()
                .consideringOnlyDependenciesInLayers()
                .withOptionalLayers(true)
                .layer("entry")
                .definedBy(ROOT, ROOT + ".check..")
                .layer("cli")
                .definedBy(ROOT + ".cli..")
                .layer("supervisor")
                .definedBy(ROOT + ".supervisor..")
                .layer("acceptor")
                .definedBy(ROOT + ".acceptor..")
                .layer("admin")
                .definedBy(ROOT + ".admin..")
                .layer("worker")
                .definedBy(ROOT + ".worker..")
                .layer("proxy")
                .definedBy(ROOT + ".proxy..")
                .layer("wire")
                .definedBy(ROOT + ".wire..")
                .layer("config")
                .definedBy(ROOT + ".config..")
                .whereLayer("entry")
                .mayNotBeAccessedByAnyLayer()
                .whereLayer("cli")
                .mayOnlyBeAccessedByLayers("entry")
                .whereLayer("admin")
                .mayOnlyBeAccessedByLayers("entry")
                .whereLayer("supervisor")
                .mayOnlyBeAccessedByLayers("entry", "cli", "admin")
                .whereLayer("worker")
                .mayOnlyBeAccessedByLayers("entry")
                .whereLayer("proxy")
                .mayOnlyBeAccessedByLayers("cli")
                .whereLayer("acceptor")
                .mayOnlyBeAccessedByLayers("entry", "supervisor")
                .whereLayer("wire")
                .mayOnlyBeAccessedByLayers("entry", "cli", "admin", "supervisor", "worker", "acceptor")
                .whereLayer("config")
                .mayOnlyBeAccessedByLayers("entry", "cli", "admin", "supervisor", "worker", "acceptor")
                .ensureAllClassesAreContainedInArchitecture()
                .check(CLASSES);
    }

    @Test
    void onlyHostsStartProcesses() {
        check(noClasses()
                .that(areNot("hosts", ArchitectureTest::isHost))
                .should()
                .dependOnClassesThat(belongToAnyOf(ProcessBuilder.class))
                .orShould()
                .callMethodWhere(target(owner(type(Runtime.class))).and(target(name("exec"))))
                .because("the supervisor is tested against a fake of the operating system"));
    }

    @Test
    void onlyMainAndWorkerMainEndTheProcess() {
        DescribedPredicate<JavaClass> others =
                areNot("Main or WorkerMain", c -> isNamed(c, "Main", "worker.WorkerMain"));
        check(noClasses().that(others).should().callMethod(Runtime.class, "halt", int.class));
        check(noClasses().that(others).should().callMethod(Runtime.class, "exit", int.class));
        check(noClasses()
                .that(areNot("Main", c -> isNamed(c, "Main")))
                .should()
                .callMethod(System.class, "exit", int.class));
    }

    @Test
    void timeOfDayIsForPeopleAndNobodyElseAsksForIt() {
        DescribedPredicate<JavaClass> others = areNot(
                "those that tell people, stamp a log or a file, look at the dates of a certificate, or compare with the time"
                        + " of day of Tomcat or of Java's TLS",
                c -> isNamed(
                        c,
                        "supervisor.JvmHost",
                        "Cluster",
                        "supervisor.ClusterEvent",
                        "supervisor.Output",
                        "supervisor.ArchiveDirectory",
                        "config.ConfigReader",
                        "worker.ServedCertificate",
                        "worker.JvmTicketKeys",
                        "worker.Drain",
                        "worker.WorkerEndpoint",
                        "worker.sessions.SharedSessions",
                        "worker.sessions.Replicas"));
        check(noClasses()
                .that(others)
                .should()
                .callMethod(Instant.class, "now")
                .orShould()
                .callMethod(System.class, "currentTimeMillis")
                .because("a clock that jumps by a day must not end or start anything (failure 20)"));
    }

    @Test
    void onlyMainWritesToStandardOutput() {
        check(noClasses()
                .that(areNot("Main", c -> isNamed(c, "Main")))
                .should()
                .accessField(System.class, "out")
                .because("everything else is given the stream, so that tests can read it"));
    }

    @Test
    void onlyTheWorkerKnowsTomcat() {
        check(classes()
                .that()
                .resideOutsideOfPackage(ROOT + ".worker..")
                .should()
                .onlyDependOnClassesThat()
                .resideOutsideOfPackages("org.apache..", "jakarta..")
                .because("a supervisor that loads no Tomcat stays small and cannot be stopped by it"));
    }

    /** One runs the installed Tomcat's setenv.sh, which is a part of the configuration; the rest is the supervisor's. */
    private static boolean isHost(JavaClass c) {
        return isNamed(c, "config.installed.StartUp", "supervisor.ChildProcess", "supervisor.WorkerProcesses")
                || (c.getPackageName().equals(ROOT + ".supervisor")
                        && topLevel(c).getSimpleName().endsWith("Host"));
    }

    private static boolean isNamed(JavaClass c, String... names) {
        for (String name : names) {
            if (topLevel(c).getName().equals(ROOT + "." + name)) {
                return true;
            }
        }
        return false;
    }

    private static JavaClass topLevel(JavaClass c) {
        return c.getEnclosingClass().map(ArchitectureTest::topLevel).orElse(c);
    }

    private static DescribedPredicate<JavaClass> areNot(String what, Predicate<JavaClass> predicate) {
        return describe("are not " + what, predicate.negate());
    }

    private static void check(ArchRule rule) {
        rule.check(CLASSES);
    }
}
