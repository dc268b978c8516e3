package dev.clowder.launcher.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code --spare}: what it takes, and one line for what it does not. */
class SpareOptionTest {
    @TempDir
    Path app;

    @Test
    void thereIsNoneUnlessItIsAskedFor() throws Exception {
        assertThat(ConfigReader.read(app.toString()).spare()).isZero();
        assertThat(ConfigReader.read("--spare", "1", app.toString()).spare()).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"2", "-1"})
    void moreThanOneIsRefused(String number) {
        assertThatThrownBy(() -> ConfigReader.read("--spare", number, app.toString()))
                .isInstanceOfSatisfying(
                        ConfigException.class,
                        e -> assertThat(e.problems()).containsExactly("--spare " + number + ": use 0 or 1"));
    }

    @Test
    void whatIsNoNumberIsRefused() {
        assertThatThrownBy(() -> ConfigReader.read("--spare", "auto", app.toString()))
                .isInstanceOfSatisfying(
                        ConfigException.class,
                        e -> assertThat(e.problems()).singleElement().asString().contains("--spare", "auto"));
    }

    @Test
    void anInstalledTomcatHasNone() {
        assertThatThrownBy(() -> ConfigReader.read("--spare", "1", "--catalina-base", app.toString()))
                .isInstanceOfSatisfying(
                        ConfigException.class,
                        e -> assertThat(e.problems())
                                .contains(
                                        "--spare 1: not together with --catalina-base, its server.xml may name a slot at the"
                                                + " start"));
    }
}
