package dev.clowder.launcher.worker.loop;

import jakarta.servlet.ReadListener;
import jakarta.servlet.ServletInputStream;
import jakarta.servlet.ServletOutputStream;
import jakarta.servlet.http.HttpUpgradeHandler;
import jakarta.servlet.http.WebConnection;
import java.io.IOException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Echoes bytes; after a {@code !} it waits first. A handler is made by Tomcat, so what it waits for is static. */
public final class EchoUpgrade implements HttpUpgradeHandler {
    static volatile CountDownLatch released = new CountDownLatch(1);

    @Override
    public void init(WebConnection connection) {
        try {
            ServletInputStream in = connection.getInputStream();
            ServletOutputStream out = connection.getOutputStream();
            in.setReadListener(new ReadListener() {
                @Override
                public void onDataAvailable() throws IOException {
                    while (in.isReady()) {
                        int read = in.read();
                        if (read < 0) {
                            return;
                        }
                        if (read == '!') {
                            await();
                        }
                        out.write(read);
                    }
                    out.flush();
                }

                @Override
                public void onAllDataRead() {}

                @Override
                public void onError(Throwable error) {}
            });
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void await() throws IOException {
        try {
            if (!released.await(60, TimeUnit.SECONDS)) {
                throw new IOException("not released");
            }
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }

    @Override
    public void destroy() {}
}
