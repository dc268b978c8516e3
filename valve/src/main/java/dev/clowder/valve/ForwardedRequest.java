package dev.clowder.valve;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.Collections;
import java.util.Enumeration;
import java.util.List;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.connector.CoyoteAdapter;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.jspecify.annotations.Nullable;

/**
 * Tomcat's request with a place of its own for {@link Forwarded#ATTRIBUTE}. Tomcat's map of attributes makes an entry for
 * each value and is emptied after each request: 32 bytes, and half of what the valve costs without a header (ADR 26).
 *
 * <p>Tomcat 11. Where Tomcat has made its objects already, and on 10.1, whose objects are made in another way, the attribute
 * is one in Tomcat's map. To be read by another thread only when the request was handed to it, as by startAsync.
 */
final class ForwardedRequest extends Request {

    private static final boolean POSSIBLE = isPossible();

    /** That of this request if {@link #told}: else still that of the one before, which is the same one quite often. */
    private @Nullable Forwarded forwarded;

    private boolean told;

    private ForwardedRequest(Connector connector, org.apache.coyote.Request coyote) {
        super(connector, coyote);
    }

    private static boolean isPossible() {
        try {
            MethodHandles.publicLookup()
                    .findConstructor(
                            Request.class,
                            MethodType.methodType(void.class, Connector.class, org.apache.coyote.Request.class));
            return true;
        } catch (ReflectiveOperationException e) {
            return false;
        }
    }

    /** Makes the objects of a connection as {@link CoyoteAdapter#service} does, unless they are there; before it does so. */
    static void make(Connector connector, org.apache.coyote.Request coyote, org.apache.coyote.Response coyoteResponse) {
        // A connector of a class of its own may make requests of its own.
        if (POSSIBLE
                && coyote.getNote(CoyoteAdapter.ADAPTER_NOTES) == null
                && connector.getClass() == Connector.class) {
            Request request = new ForwardedRequest(connector, coyote);
            Response response = connector.createResponse(coyoteResponse);
            request.setResponse(response);
            response.setRequest(request);
            coyote.setNote(CoyoteAdapter.ADAPTER_NOTES, request);
            coyoteResponse.setNote(CoyoteAdapter.ADAPTER_NOTES, response);
            // Up to 11.0.22 Tomcat does this here only, later for each request.
            coyote.getParameters().setQueryStringCharset(connector.getURICharset());
        }
    }

    /** Sets the attribute of any request. */
    @SuppressWarnings("ReferenceEquality") // An old object is only written to when that is necessary.
    static void tell(Request request, Forwarded forwarded) {
        if (request instanceof ForwardedRequest ours) {
            if (ours.forwarded != forwarded) {
                ours.forwarded = forwarded;
            }
            ours.told = true;
        } else {
            request.setAttribute(Forwarded.ATTRIBUTE, forwarded);
        }
    }

    @Override
    public @Nullable Object getAttribute(String name) {
        return told && Forwarded.ATTRIBUTE.equals(name) ? forwarded : super.getAttribute(name);
    }

    @Override
    public Enumeration<String> getAttributeNames() {
        if (!told) {
            return super.getAttributeNames();
        }
        List<String> names = Collections.list(super.getAttributeNames());
        names.add(Forwarded.ATTRIBUTE);
        return Collections.enumeration(names);
    }

    @Override
    public void setAttribute(String name, @Nullable Object value) {
        forget(name);
        super.setAttribute(name, value);
    }

    @Override
    public void removeAttribute(String name) {
        forget(name);
        super.removeAttribute(name);
    }

    /** What the application makes of it is in Tomcat's map, or nowhere. */
    private void forget(String name) {
        if (Forwarded.ATTRIBUTE.equals(name)) {
            told = false;
        }
    }

    @Override
    public void recycle() {
        super.recycle();
        told = false;
    }
}
