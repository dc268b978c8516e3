package dev.clowder.valve;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.catalina.valves.ValveBase;

/**
 * The attributes of {@link ForwardedValve} as they stand in {@code server.xml}: its own, and those of Tomcat's
 * {@code RemoteIpValve} (10.1 and 11.0) with the types they have there. All are kept as text, and a getter gives what
 * was set or the default. {@link ForwardedPolicy} says what they mean together.
 */
abstract class ForwardedAttributes extends ValveBase {

    private final Map<String, String> attributes = new LinkedHashMap<>();

    ForwardedAttributes() {
        super(true);
    }

    private String offInPlaceOfTomcats(String byDefault) {
        return RemoteIpRules.areMeantBy(attributes) ? "" : byDefault;
    }

    /** The text of each attribute that was set. */
    final Map<String, String> attributes() {
        return Collections.unmodifiableMap(attributes);
    }

    // ---- Own attributes
    // -------------------------------------------------------------------------------------------------

    public String getTrust() {
        return attributes.getOrDefault("trust", "loopback");
    }

    /** Who may speak for a client: false, true, a count, a list, both, or {@code class:name}. */
    public void setTrust(String text) {
        attributes.put("trust", text);
    }

    public String getHeaders() {
        return attributes.getOrDefault("headers", "x-forwarded");
    }

    /** The one family that is read: x-forwarded, forwarded, or the name of a header with one address. */
    public void setHeaders(String text) {
        attributes.put("headers", text);
    }

    public String getConflict() {
        return attributes.getOrDefault("conflict", "ignore");
    }

    /** What to do if the other family names another client: ignore it or reject (400). */
    public void setConflict(String text) {
        attributes.put("conflict", text);
    }

    public String getMalformed() {
        return attributes.getOrDefault("malformed", "stop");
    }

    /** What to do with a bad member in the chain: stop there or reject (400). */
    public void setMalformed(String text) {
        attributes.put("malformed", text);
    }

    public String getStrip() {
        return attributes.getOrDefault("strip", "true");
    }

    /** Whether headers that were not believed are removed: true or false. */
    public void setStrip(String text) {
        attributes.put("strip", text);
    }

    public String getHosts() {
        return attributes.getOrDefault("hosts", "");
    }

    /** The forwarded hosts that are believed, {@code *.example.com} for sub-domains; unset for all. */
    public void setHosts(String text) {
        attributes.put("hosts", text);
    }

    public String getSubdomainOffset() {
        return attributes.getOrDefault("subdomainOffset", "2");
    }

    /** How many labels at the right end of a host name are no sub-domain. */
    public void setSubdomainOffset(String text) {
        attributes.put("subdomainOffset", text);
    }

    public String getPrefix() {
        return attributes.getOrDefault("prefix", "false");
    }

    /** Whether X-Forwarded-Prefix becomes the context path: true or false. */
    public void setPrefix(String text) {
        attributes.put("prefix", text);
    }

    public String getForHeader() {
        return attributes.getOrDefault("forHeader", "X-Forwarded-For");
    }

    /** Name of the header with the chain of addresses. */
    public void setForHeader(String text) {
        attributes.put("forHeader", text);
    }

    public String getProtoHeader() {
        return attributes.getOrDefault("protoHeader", "X-Forwarded-Proto");
    }

    /** Name of the header with the protocol. */
    public void setProtoHeader(String text) {
        attributes.put("protoHeader", text);
    }

    public String getHostHeader() {
        return attributes.getOrDefault("hostHeader", offInPlaceOfTomcats("X-Forwarded-Host"));
    }

    /** Name of the header with the host. */
    public void setHostHeader(String text) {
        attributes.put("hostHeader", text);
    }

    public String getPortHeader() {
        return attributes.getOrDefault("portHeader", offInPlaceOfTomcats("X-Forwarded-Port"));
    }

    /** Name of the header with the port. */
    public void setPortHeader(String text) {
        attributes.put("portHeader", text);
    }

    public String getPrefixHeader() {
        return attributes.getOrDefault("prefixHeader", "X-Forwarded-Prefix");
    }

    /** Name of the header with the prefix. */
    public void setPrefixHeader(String text) {
        attributes.put("prefixHeader", text);
    }

    public String getTrustFile() {
        return attributes.getOrDefault("trustFile", "");
    }

    /** A file with one rule a line, added to trust and read again when it changes; relative to catalina.base. */
    public void setTrustFile(String text) {
        attributes.put("trustFile", text);
    }

    /**
     * Tomcat calls this for an attribute without a setter and would go on with a warning. Here the start is refused.
     *
     * @return true: the attribute has been taken note of
     */
    public boolean setProperty(String name, String value) {
        attributes.put(name, value);
        return true;
    }

    // ---- Attributes of Tomcat's RemoteIpValve -----------------------------------------------------------------------

    public String getInternalProxies() {
        return attributes.getOrDefault("internalProxies", RemoteIpRules.INTERNAL_PROXIES);
    }

    /** Proxies that are trusted and not named to the application: a comma list, or one regular expression. */
    public void setInternalProxies(String text) {
        attributes.put("internalProxies", text);
    }

    public String getTrustedProxies() {
        return attributes.getOrDefault("trustedProxies", "");
    }

    /** Proxies that are trusted and named in {@code proxiesHeader}: a comma list, or one regular expression. */
    public void setTrustedProxies(String text) {
        attributes.put("trustedProxies", text);
    }

    public String getRemoteIpHeader() {
        return attributes.getOrDefault("remoteIpHeader", "X-Forwarded-For");
    }

    /** Name of the header with the chain of addresses. */
    public void setRemoteIpHeader(String text) {
        attributes.put("remoteIpHeader", text);
    }

    public String getProxiesHeader() {
        return attributes.getOrDefault("proxiesHeader", "X-Forwarded-By");
    }

    /** Name of the header in which the application finds the trusted proxies. */
    public void setProxiesHeader(String text) {
        attributes.put("proxiesHeader", text);
    }

    public String getProtocolHeader() {
        return attributes.getOrDefault("protocolHeader", "X-Forwarded-Proto");
    }

    /** Name of the header with the protocol; empty for none. */
    public void setProtocolHeader(String text) {
        attributes.put("protocolHeader", text);
    }

    public String getProtocolHeaderHttpsValue() {
        return attributes.getOrDefault("protocolHeaderHttpsValue", "https");
    }

    /** The value of {@code protocolHeader} that means https; any other means http. */
    public void setProtocolHeaderHttpsValue(String text) {
        attributes.put("protocolHeaderHttpsValue", text);
    }

    public int getHttpServerPort() {
        return Integer.parseInt(attributes.getOrDefault("httpServerPort", "80"));
    }

    /** The server's port when {@code protocolHeader} says http. */
    public void setHttpServerPort(int port) {
        attributes.put("httpServerPort", String.valueOf(port));
    }

    public int getHttpsServerPort() {
        return Integer.parseInt(attributes.getOrDefault("httpsServerPort", "443"));
    }

    /** The server's port when {@code protocolHeader} says https. */
    public void setHttpsServerPort(int port) {
        attributes.put("httpsServerPort", String.valueOf(port));
    }

    public boolean isChangeLocalName() {
        return Boolean.parseBoolean(attributes.get("changeLocalName"));
    }

    /** Whether the forwarded host is also what getLocalName returns. */
    public void setChangeLocalName(boolean change) {
        attributes.put("changeLocalName", String.valueOf(change));
    }

    public boolean isChangeLocalPort() {
        return Boolean.parseBoolean(attributes.get("changeLocalPort"));
    }

    /** Whether the forwarded port is also what getLocalPort returns. */
    public void setChangeLocalPort(boolean change) {
        attributes.put("changeLocalPort", String.valueOf(change));
    }

    public boolean getRequestAttributesEnabled() {
        return Boolean.parseBoolean(attributes.getOrDefault(
                "requestAttributesEnabled", String.valueOf(RemoteIpRules.areMeantBy(attributes))));
    }

    /** Whether the attributes are set that an access log with requestAttributesEnabled reads. */
    public void setRequestAttributesEnabled(boolean enabled) {
        attributes.put("requestAttributesEnabled", String.valueOf(enabled));
    }
}
