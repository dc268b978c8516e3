package dev.clowder.launcher.supervisor;

/** The version of this build. */
public final class Version {
    private Version() {}

    /** As the jar's manifest says, or {@code development} when run from class files. */
    public static String text() {
        String version = Version.class.getPackage().getImplementationVersion();
        return version == null ? "development" : version;
    }
}
