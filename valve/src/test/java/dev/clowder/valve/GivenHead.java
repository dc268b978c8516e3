package dev.clowder.valve;

import java.util.List;
import java.util.Map;

/** The head of a request that a test spells out; each char of a header value stands for one byte that arrived. */
record GivenHead(
        String peer,
        boolean peerMayVouch,
        String scheme,
        boolean secure,
        String hostname,
        int port,
        List<Map.Entry<String, String>> lines)
        implements RequestHead {

    static GivenHead from(String peer, String... namesAndValues) {
        List<Map.Entry<String, String>> lines = new java.util.ArrayList<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            lines.add(Map.entry(namesAndValues[i], namesAndValues[i + 1]));
        }
        return new GivenHead(peer, true, "http", false, "app.internal", 8080, lines);
    }

    @Override
    public int headers() {
        return lines.size();
    }

    @Override
    public CharSequence headerName(int index) {
        return lines.get(index).getKey();
    }

    @Override
    public CharSequence headerValue(int index) {
        return lines.get(index).getValue();
    }
}
