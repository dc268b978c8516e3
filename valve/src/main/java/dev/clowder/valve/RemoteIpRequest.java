package dev.clowder.valve;

import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
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

    private final MimeHeaders headers;
    private String chainHeader = "";
    private String proxiesHeader = "";
    private List<String> chain = List.of();
    private List<String> proxies = List.of();
    private boolean changed;

    RemoteIpRequest(MimeHeaders headers) {
        this.headers = headers;
    }

    /** Changes the request for the application; {@code told} speaks of a trusted peer. */
    void change(Request request, String nameOfChain, RemoteIpReading told, Forwarded forwarded) {
        request.setAttribute(Globals.REQUEST_FORWARDED_ATTRIBUTE, true);
        RemoteIpRules rules = told.rules();
        if (rules.changeLocalName() && told.hostTold() != null && LOCAL_NAME != null) {
            LOCAL_NAME.set(request, told.hostTold());
        }
        if (rules.changeLocalPort() && told.isProtocolTold()) {
            request.setLocalPort(forwarded.getPort());
        }
        if (told.isClientTold()) {
            chainHeader = nameOfChain;
            proxiesHeader = rules.proxiesHeader();
            chain = Collections.list(headers.values(chainHeader));
            proxies = new ArrayList<>();
            if (!proxiesHeader.isEmpty()) {
                proxies = Collections.list(headers.values(proxiesHeader));
                set(proxiesHeader, told.proxiesNamed());
            }
            set(chainHeader, told.chainLeft());
            changed = true;
        }
    }

    /** Begins another request: what is still to be given back was that of an asynchronous one, which is over. */
    void begin() {
        changed = false;
    }

    /** Gives back the headers as they came. */
    void restoreHeaders() {
        if (changed) {
            changed = false;
            add(chainHeader, chain);
            if (!proxiesHeader.isEmpty()) {
                add(proxiesHeader, proxies);
            }
        }
    }

    private void set(String name, @Nullable String value) {
        if (value == null) {
            headers.removeHeader(name);
        } else {
            headers.setValue(name).setString(value);
        }
    }

    private void add(String name, List<String> values) {
        headers.removeHeader(name);
        for (String value : values) {
            headers.addValue(name).setString(value);
        }
    }
}
