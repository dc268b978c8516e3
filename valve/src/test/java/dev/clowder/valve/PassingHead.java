package dev.clowder.valve;

/** A head that is another one, which may be changed between two requests; a test says what it does otherwise. */
class PassingHead implements RequestHead {

    RequestHead current;

    PassingHead(RequestHead first) {
        current = first;
    }

    @Override
    public String peer() {
        return current.peer();
    }

    @Override
    public boolean peerMayVouch() {
        return current.peerMayVouch();
    }

    @Override
    public String scheme() {
        return current.scheme();
    }

    @Override
    public boolean secure() {
        return current.secure();
    }

    @Override
    public String hostname() {
        return current.hostname();
    }

    @Override
    public int port() {
        return current.port();
    }

    @Override
    public int headers() {
        return current.headers();
    }

    @Override
    public CharSequence headerName(int index) {
        return current.headerName(index);
    }

    @Override
    public CharSequence headerValue(int index) {
        return current.headerValue(index);
    }
}
