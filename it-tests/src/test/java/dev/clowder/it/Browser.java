package dev.clowder.it;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.cert.Certificate;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.openqa.selenium.MutableCapabilities;
import org.openqa.selenium.remote.RemoteWebDriver;

/**
 * Chromium without a window, as Debian has it, with a profile of its own. It trusts one certificate besides those of the
 * system. If this JVM dies, so does its driver, and with the driver's pipe the browser.
 */
final class Browser implements AutoCloseable {
    private static final Duration SCRIPTS = Duration.ofSeconds(60);

    private final Foreground chromedriver;
    private final RemoteWebDriver driver;

    private Browser(Foreground chromedriver, RemoteWebDriver driver) {
        this.chromedriver = chromedriver;
        this.driver = driver;
    }

    /** Starts it; its files are put into a directory. */
    static Browser start(Path directory, Certificate trusted) throws IOException, GeneralSecurityException {
        byte[] key = MessageDigest.getInstance("SHA-256")
                .digest(trusted.getPublicKey().getEncoded());
        List<String> arguments = List.of(
                "--headless",
                "--no-sandbox",
                "--remote-debugging-pipe",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--user-data-dir=" + directory.resolve("profile"),
                "--ignore-certificate-errors-spki-list=" + Base64.getEncoder().encodeToString(key));
        MutableCapabilities capabilities = new MutableCapabilities();
        capabilities.setCapability("browserName", "chrome");
        capabilities.setCapability("goog:chromeOptions", Map.of("args", arguments));
        int port = Foreground.freePort();
        Foreground chromedriver = Foreground.start(directory, List.of("chromedriver", "--port=" + port))
                .awaitPort(port);
        try {
            RemoteWebDriver driver =
                    new RemoteWebDriver(URI.create("http://127.0.0.1:" + port).toURL(), capabilities, false);
            driver.manage().timeouts().scriptTimeout(SCRIPTS).pageLoadTimeout(SCRIPTS);
            return new Browser(chromedriver, driver);
        } catch (RuntimeException e) {
            String said = chromedriver.output();
            chromedriver.close();
            throw new IOException(said, e);
        }
    }

    RemoteWebDriver driver() {
        return driver;
    }

    @Override
    public void close() throws IOException {
        try (chromedriver) {
            driver.quit();
        }
    }
}
