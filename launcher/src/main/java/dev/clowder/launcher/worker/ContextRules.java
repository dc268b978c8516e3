package dev.clowder.launcher.worker;

import java.nio.file.Path;
import org.apache.catalina.Container;
import org.apache.catalina.ContainerEvent;
import org.apache.catalina.ContainerListener;
import org.apache.catalina.Context;
import org.apache.catalina.Lifecycle;
import org.apache.catalina.LifecycleEvent;
import org.apache.catalina.LifecycleListener;
import org.apache.catalina.Wrapper;
import org.apache.catalina.core.StandardContext;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;

/**
 * What N workers on one {@code CATALINA_BASE} must not do in an application: write into one work directory or one file of
 * sessions or requests, or manage "the" Tomcat. Listens to hosts and their contexts.
 */
final class ContextRules implements ContainerListener, LifecycleListener {
    private static final Log LOG = LogFactory.getLog(ContextRules.class);
    private static final String MANAGER_SERVLETS = "org.apache.catalina.manager.";

    private final Path work;
    private final OwnAccessLogs accessLogs;
    private final SessionHome sessions;

    /** @param work this worker's own directory */
    ContextRules(Path work, OwnAccessLogs accessLogs, SessionHome sessions) {
        this.work = work;
        this.accessLogs = accessLogs;
        this.sessions = sessions;
    }

    /** For a host and what {@code server.xml} has put into it already. */
    void watch(Container host) {
        host.addContainerListener(this);
        for (Container child : host.findChildren()) {
            child.addLifecycleListener(this);
        }
    }

    @Override
    public void containerEvent(ContainerEvent event) {
        if (event.getType().equals(Container.ADD_CHILD_EVENT) && event.getData() instanceof Context context) {
            context.addLifecycleListener(this);
        }
    }

    @Override
    public void lifecycleEvent(LifecycleEvent event) {
        if (!(event.getLifecycle() instanceof Context context)) {
            return;
        }
        if (event.getType().equals(Lifecycle.BEFORE_INIT_EVENT)) {
            sessions.lifecycleEvent(event);
        } else if (event.getType().equals(Lifecycle.BEFORE_START_EVENT)) {
            useOwnWorkDirectory(context);
            accessLogs.adapt(context);
        } else if (event.getType().equals(Lifecycle.CONFIGURE_START_EVENT)) {
            sessions.lifecycleEvent(event);
            refuseManager(context);
        }
    }

    private void useOwnWorkDirectory(Context context) {
        if (context instanceof StandardContext standard && standard.getWorkDir() != null) {
            Path own = work.resolve("of-contexts").resolve(context.getBaseName());
            if (!standard.getWorkDir().equals(own.toString())) {
                LOG.info(context.getName() + ": workDir " + standard.getWorkDir() + " is " + own + " here");
                standard.setWorkDir(own.toString());
            }
        }
    }

    private static void refuseManager(Context context) {
        for (Container child : context.findChildren()) {
            if (child instanceof Wrapper wrapper
                    && wrapper.getServletClass() != null
                    && wrapper.getServletClass().startsWith(MANAGER_SERVLETS)) {
                LOG.info(context.getName() + ": refused, it would act on one worker only; use status, deploy, reload");
                context.getPipeline().addValve(new ManagerRefusal());
                return;
            }
        }
    }
}
