package dev.clowder.launcher.acceptor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.clowder.launcher.config.AcceptMode;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class AcceptorTest {
    @ParameterizedTest
    @EnumSource(names = "AUTO", mode = EnumSource.Mode.EXCLUDE)
    void aClosedAcceptorHasLetItsPortGoEvenIfItWasNeverStopped(AcceptMode mode) throws IOException {
        InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
        Acceptor first = Acceptor.bind(mode, address, line -> {});
        InetSocketAddress bound = first.address();
        first.close();
        try (Acceptor second = Acceptor.bind(mode, bound, line -> {})) {
            assertThat(second.address()).isEqualTo(bound);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"ROUND_ROBIN", "LEAST_CONNECTIONS", "RELAY"})
    void aPassedSocketIsRefusedInModesThatCantUseIt(AcceptMode mode) {
        assertThatThrownBy(() -> Acceptor.inherit(mode, 0))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("--accept shared only");
    }
}
