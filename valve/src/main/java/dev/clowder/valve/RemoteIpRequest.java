package dev.clowder.valve;

import java.lang.invoke.VarHandle;
import org.apache.catalina.Globals;
import org.apache.catalina.connector.Request;
import org.apache.tomcat.util.http.MimeHeaders;
import org.jspecify.annotations.Nullable;

/**
 * What Tomcat's {@code RemoteIpValve} does to a request besides telling its client: it leaves in the chain what was not
 * used, names the proxies, and may change the local name and port. One for each Coyote request, not thread-safe.
 */
final class RemoteIpRequest {

    private static final @Nullable VarHandle LOCAL_NAME = RequestRewriter.field("localName", String.class);

    private final KeptHeader chain;
    private final KeptHeader proxies;
    private boolean chainChanged;
    private boolean proxiesChanged;

    RemoteIpRequest(MimeHeaders headers) {
        this.chain = new KeptHeader(headers);
        this.proxies = new KeptHeader(headers);
    }

    /** Changes the request for the application; {@code told} speaks of a trusted peer. */
    void change(Request request, RemoteIpReading told, Forwarded forwarded) {
        request.setAttribute(Globals.REQUEST_FORWARDED_ATTRIBUTE, true);
        RemoteIpRules rules = told.rules();
        if (rules.changeLocalName() && told.hostTold() != null && LOCAL_NAME != null) {
            LOCAL_NAME.set(request, told.hostTold());
        }
        if (rules.changeLocalPort() && told.isProtocolTold()) {
            request.setLocalPort(forwarded.getPort());
        }
        if (told.isClientTold()) {
            chain.replace(told.chainHeader(), told.chainLeft());
            chainChanged = true;
            if (!rules.proxiesHeader().isEmpty()) {
                proxies.replace(rules.proxiesHeader(), told.proxiesNamed());
                proxiesChanged = true;
            }
        }
    }

    /** Begins another request: what is still to be given back was that of an asynchronous one, which is over. */
    void begin() {
        chainChanged = false;
        proxiesChanged = false;
    }

    /** Gives back the headers as they came. */
    void restoreHeaders() {
        // First both go and then both come: there are never more lines than the connector allows.
        if (chainChanged) {
            chain.remove();
        }
        if (proxiesChanged) {
            proxies.remove();
            proxies.giveBack();
        }
        if (chainChanged) {
            chain.giveBack();
        }
        begin();
    }
}
