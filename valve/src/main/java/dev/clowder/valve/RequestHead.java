package dev.clowder.valve;

/**
 * A request as it arrived, before any forwarding counted: the only thing that the rules see of it. Implemented over
 * Tomcat's request and by the tests.
 */
interface RequestHead {

    /** Address of the socket, or of the PROXY header, as text; {@code unix} for the peer of a Unix socket. */
    String peer();

    /**
     * False if the headers mean nothing whatever the address of the peer: that of a layer-4 balancer that could not say for
     * whom it speaks (PROXY header without an address), or any in a request that was refused before all of it was read.
     */
    boolean peerMayVouch();

    /** {@code http} or {@code https}. */
    String scheme();

    boolean secure();

    /** Host header without port, brackets kept. */
    String hostname();

    /** Port of the Host header, or the default of the scheme. */
    int port();

    /** Number of header lines, each with its own index, in the order received. */
    int headers();

    /** Length of the name of a header line: all that has to be known of almost every header. */
    default int headerNameLength(int index) {
        return headerName(index).length();
    }

    /** Name of a header line; the text is valid until the next call. */
    CharSequence headerName(int index);

    /** Value of a header line, a char for each byte; valid until the next call. */
    CharSequence headerValue(int index);
}
