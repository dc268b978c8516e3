package dev.clowder.valve;

/** What holds for one accepted connection before its first byte is read; see {@link ProxyNioEndpoint#proxyRule}. */
public enum ProxyRule {
    /** No PROXY header is expected; one that comes goes to TLS or HTTP, which refuse it. */
    OFF,
    /** The connection must begin with a PROXY header and is closed otherwise. */
    REQUIRED,
    /** The connection is closed unread. */
    REFUSED
}
