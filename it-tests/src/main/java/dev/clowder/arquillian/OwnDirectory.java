package dev.clowder.arquillian;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import org.jspecify.annotations.Nullable;

/** A new directory that is removed, with all that is in it, by whoever made it. */
record OwnDirectory(Path path) {
    /** Makes one; its name is short, because the path of a Unix socket in it has at most 107 bytes. */
    static OwnDirectory in(Path root) throws IOException {
        return new OwnDirectory(Files.createTempDirectory(root, "clowder"));
    }

    /** Removes it; what cannot be removed stays and is said in the log, since no test fails for that. */
    void remove() {
        try {
            if (Files.exists(path)) {
                Files.walkFileTree(path, new Remover());
            }
        } catch (IOException e) {
            System.getLogger(OwnDirectory.class.getName())
                    .log(System.Logger.Level.WARNING, "can't remove " + path + ": " + e);
        }
    }

    /** Processes that end may remove their own files at the same time. */
    private static final class Remover extends SimpleFileVisitor<Path> {
        @Override
        public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
            Files.deleteIfExists(file);
            return FileVisitResult.CONTINUE;
        }

        @Override
        public FileVisitResult visitFileFailed(Path file, IOException e) throws IOException {
            if (e instanceof NoSuchFileException) {
                return FileVisitResult.CONTINUE;
            }
            throw e;
        }

        @Override
        public FileVisitResult postVisitDirectory(Path directory, @Nullable IOException e) throws IOException {
            Files.deleteIfExists(directory);
            return FileVisitResult.CONTINUE;
        }
    }
}
