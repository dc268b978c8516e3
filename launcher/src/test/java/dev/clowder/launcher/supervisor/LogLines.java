package dev.clowder.launcher.supervisor;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** An observer that keeps what the operator would read. */
final class LogLines implements Observer {
    final List<String> lines = new CopyOnWriteArrayList<>();

    @Override
    public void log(String line) {
        lines.add(line);
    }

    @Override
    public void changed(WorkerEvent event) {}
}
