package dev.clowder.valve;

/** What holds for one accepted connection before its first byte is read; see {@link ProxyNioEndpoint#proxyRule}. */
public enum ProxyRule {
    /** No PROXY header is expected; one that comes goes to TLS or HTTP, which refuse it. */
    OFF,
    /** The connection must begin with a PROXY header and is closed otherwise. */
    REQUIRED,
    /**
     * The connection must begin with a PROXY header by which a relay of one's own names the peer. For that peer holds
     * what would hold if it had connected by itself: a header of its own may follow. A relay that names nobody
     * ({@code LOCAL}) speaks for itself, and nothing follows.
     */
    RELAYED,
    /** The connection is closed unread. */
    REFUSED
}
