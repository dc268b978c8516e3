package dev.clowder.launcher.worker.check;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HousekeepingTest {
    @ParameterizedTest
    @CsvSource({
        "com.zaxxer.hikari.pool.HikariPool.<init>,                         true,  false",
        "ch.qos.logback.core.rolling.RollingFileAppender,                  true,  true",
        "org.apache.logging.log4j.core.config.ConfigurationScheduler,      true,  true",
        "java.util.logging.FileHandler$MeteredStream,                      true,  true",
        "org.springframework.scheduling.concurrent.ThreadPoolTaskScheduler,false, false",
        "org.quartz.core.QuartzScheduler,                                  false, false",
        "shop.Newsletter.contextInitialized,                               false, false",
    })
    void poolsAndLoggersKeepHouseAndSchedulersWork(String name, boolean housekeeping, boolean logging) {
        assertThat(Housekeeping.isOf(name)).isEqualTo(housekeeping);
        assertThat(Housekeeping.isLogging(name)).isEqualTo(logging);
    }
}
