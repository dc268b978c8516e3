package dev.clowder.launcher.worker.loop;

import org.apache.coyote.Adapter;
import org.apache.coyote.Request;
import org.apache.coyote.Response;
import org.apache.tomcat.util.net.SocketEvent;

/** Hands the loop on before a request that is expected to be slow, and learns from each. */
final class LoopAdapter implements Adapter {
    private final Adapter next;
    private final Prediction prediction;
    private final CoreLoop loop;

    LoopAdapter(Adapter next, Prediction prediction, CoreLoop loop) {
        this.next = next;
        this.prediction = prediction;
        this.loop = loop;
    }

    @Override
    public void service(Request request, Response response) throws Exception {
        if (!loop.isOn()) {
            next.service(request, response);
            return;
        }
        int places = Prediction.places(request.requestURI());
        boolean slow = prediction.isSlow(places);
        if (slow) {
            loop.handOn();
        }
        long began = System.nanoTime();
        try {
            next.service(request, response);
        } finally {
            prediction.learn(places, slow, System.nanoTime() - began);
        }
    }

    @Override
    public boolean prepare(Request request, Response response) throws Exception {
        return next.prepare(request, response);
    }

    @Override
    public boolean asyncDispatch(Request request, Response response, SocketEvent status) throws Exception {
        return next.asyncDispatch(request, response, status);
    }

    @Override
    public void log(Request request, Response response, long time) {
        next.log(request, response, time);
    }

    @Override
    public void checkRecycled(Request request, Response response) {
        next.checkRecycled(request, response);
    }

    @Override
    public String getDomain() {
        return next.getDomain();
    }
}
