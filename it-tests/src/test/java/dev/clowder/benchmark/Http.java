package dev.clowder.benchmark;

import java.io.IOException;
import java.nio.ByteBuffer;

/** One connection as a client sees it: requests go out, answers come in. Not thread-safe. */
interface Http {
    /** Gets the answers, in the order in which they come. */
    interface Answers {
        /**
         * One has come, or will not.
         *
         * @param due what was said with the request
         * @param good whether it is complete and has status 200
         */
        void answered(long due, boolean good);
    }

    /**
     * Sends a request.
     *
     * @param request as {@link Workload.Way} wants it encoded; not changed
     * @param due given back with the answer
     */
    void send(byte[] request, long due) throws IOException;

    /**
     * Reads what came, all of it, cut anywhere.
     *
     * @throws IOException if that is nothing which this client understands
     */
    void receive(ByteBuffer bytes, Answers answers) throws IOException;

    /** The connection has ended, so that what is not answered never will be. */
    void end(Answers answers);
}
