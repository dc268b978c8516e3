package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.RealProxy;
import dev.clowder.it.HttpConnection.Response;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * An application that others wrote and that keeps state in sessions, as it is: of Tomcat's {@code examples} the session
 * example, the number guess game and the shopping cart. Each request comes by a connection of its own.
 */
@Tag("slow")
@Tag("once")
class ExamplesSessionsIT {
    private static final Duration SOON = Duration.ofMinutes(4);
    private static final int USERS = 6;
    private static final int ROUNDS = 12;
    private static final int ITEMS = 6;

    @ParameterizedTest
    @CsvSource({"sticky,false", "sticky,true", "replicated,false", "replicated,true"})
    @DisplayName("users with a cookie jar play, shop and keep notes on two workers, and nobody sees what is another's")
    void everybodyHasTheirOwnSession(String sessions, boolean behindNginx) throws Exception {
        try (ClowderProcess cluster = ClowderProcess.builder()
                .application("/examples", Path.of(System.getProperty("clowder.examples")))
                // One connection for each worker in turn: that of a session is missed as often as it is met.
                .arguments("--accept", "round-robin", "--sessions", sessions)
                .arguments("--trust", "127.0.0.1", "--boot-timeout", "4m")
                .start()) {
            cluster.awaitReady(SOON);
            if (behindNginx) {
                try (RealProxy nginx = nginx(cluster.port())) {
                    use(sessions, cluster.port(), nginx.port("edge"));
                }
            } else {
                use(sessions, cluster.port(), cluster.port());
            }
        }
    }

    /** It keeps four connections, which all users share. */
    private static RealProxy nginx(int port) throws IOException, InterruptedException {
        return RealProxy.start(
                RealProxy.Program.NGINX,
                "nginx.conf",
                Map.of("plain", port, "proxied", port, "stream-module", RealProxy.nginxStreams()));
    }

    private static void use(String sessions, int cluster, int port) throws Exception {
        boolean sticky = sessions.equals("sticky");
        List<User> users = new ArrayList<>();
        for (int i = 0; i < USERS; i++) {
            users.add(begin("user" + i, sticky ? i % 2 + 1 : 0, cluster, port));
        }
        ExecutorService all = Executors.newFixedThreadPool(USERS);
        try {
            List<Callable<Void>> lives = new ArrayList<>();
            users.forEach(user -> lives.add(user::live));
            for (Future<Void> life : all.invokeAll(lives, SOON.toSeconds(), TimeUnit.SECONDS)) {
                life.get();
            }
        } finally {
            all.shutdownNow();
        }
        Set<Integer> slots = new TreeSet<>();
        for (User user : users) {
            slots.addAll(user.slots);
            if (sticky) {
                assertThat(user.slots).as("who answered " + user.name).containsExactly(user.homeSlot());
            }
        }
        assertThat(slots).as("workers that answered").containsExactly(1, 2);
        assertThat(users.stream().map(User::id).distinct()).hasSize(USERS);
    }

    /**
     * Begins a session in this slot, 0 for any: a worker that is just ready gets fewer of the connections, and through
     * nginx it could be none.
     */
    private static User begin(String name, int slot, int cluster, int port) throws IOException {
        for (int i = 0; i < 500; i++) {
            User user = new User(name, port);
            user.note(cluster, 0);
            if (slot == 0 || user.homeSlot() == slot) {
                user.slots.clear();
                return user;
            }
        }
        throw new AssertionError("no session began in slot " + slot);
    }

    /** A browser, and who sits there. For one thread. */
    private static final class User {
        private static final Pattern ITEM = Pattern.compile("<li>\\s*([^<\\s][^<]*?)\\s*(?=<|$)");
        private static final Pattern NOTE = Pattern.compile("\\n(\\w+) = (\\w+)\\n");
        private static final Pattern TRIES = Pattern.compile("You have made (\\d+) guesses");

        private final String name;
        private final int port;
        private final Set<Integer> slots = new TreeSet<>();
        private final Set<String> cart = new TreeSet<>();
        private String cookie = "";
        private int lowest = 1;
        private int highest = 100;
        private int tries;
        private int wins;

        User(String name, int port) {
            this.name = name;
            this.port = port;
        }

        Void live() throws IOException {
            for (int round = 1; round <= ROUNDS; round++) {
                guess();
                shop(round);
                note(port, round);
            }
            while (wins == 0) {
                guess();
            }
            return null;
        }

        private void guess() throws IOException {
            int guess = (lowest + highest) / 2;
            String page = get(port, "jsp/num/numguess.jsp?guess=" + guess);
            tries++;
            if (page.contains("Congratulations")) {
                assertThat(page).as(name).contains("after just " + tries + " tries");
                wins++;
                lowest = 1;
                highest = 100;
                tries = 0;
                return;
            }
            assertThat(TRIES.matcher(page).results().map(found -> found.group(1)))
                    .as(name + "\n" + page)
                    .containsExactly(String.valueOf(tries));
            if (page.contains("<b>higher</b>")) {
                lowest = guess + 1;
            } else {
                assertThat(page).as(name).contains("<b>lower</b>");
                highest = guess - 1;
            }
            // Of another game this would be none of ours.
            assertThat(lowest).as(name + " was told the truth").isLessThanOrEqualTo(highest);
        }

        /** Puts something in or takes something out, which one depends on the name. */
        private void shop(int round) throws IOException {
            int item = Math.floorMod(name.hashCode() + round * round, ITEMS);
            boolean add = round % 3 > 0;
            Set<String> before = Set.copyOf(cart);
            String page = get(port, "jsp/sessions/carts.jsp?itemId=" + item + "&submit=" + (add ? "add" : "remove"));
            Set<String> shown = new TreeSet<>();
            String list = page.substring(page.indexOf("<ol>"), page.indexOf("</ol>"));
            ITEM.matcher(list).results().forEach(found -> shown.add(found.group(1)));
            // What an item is called only the application knows.
            Set<String> changed = new TreeSet<>(add ? shown : before);
            changed.removeAll(add ? before : shown);
            assertThat(changed).as(name + " " + before + " " + shown).hasSizeLessThanOrEqualTo(1);
            if (add) {
                cart.addAll(changed);
            } else {
                cart.removeAll(changed);
            }
            assertThat(shown).as(name).isEqualTo(cart);
        }

        void note(int at, int round) throws IOException {
            String page = get(at, "servlets/servlet/SessionExample?dataname=" + name + "&datavalue=round" + round);
            assertThat(NOTE.matcher(page).results().map(found -> found.group(1) + " " + found.group(2)))
                    .as(page)
                    .containsExactly(name + " round" + round);
            assertThat(page).contains(id());
        }

        private String get(int at, String page) throws IOException {
            // Pages are compiled when somebody asks for them.
            try (HttpConnection connection = HttpConnection.open(at).patient(SOON)) {
                Response response = connection.get(
                        "/examples/" + page, cookie.isEmpty() ? "X-No-Cookie: yet" : "Cookie: " + cookie);
                assertThat(response.status()).as(name + " " + response).isEqualTo(200);
                slots.add(response.worker().slot());
                String set = response.header("Set-Cookie");
                if (set != null) {
                    assertThat(cookie)
                            .as(name + " has a session already: " + set)
                            .isEmpty();
                    cookie = set.substring(0, set.indexOf(';'));
                }
                return response.body();
            }
        }

        String id() {
            return cookie.substring(cookie.indexOf('=') + 1);
        }

        int homeSlot() {
            return Integer.parseInt(cookie.substring(cookie.lastIndexOf('.') + 1));
        }
    }
}
