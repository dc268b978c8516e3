package dev.clowder.arquillian;

import org.jboss.arquillian.container.spi.client.protocol.metadata.HTTPContext;

/**
 * Where tests inside the container are sent.
 *
 * @param address of the cluster itself: no relay kills a worker in the middle of what such a test asks the client
 */
record InContainerTests(HTTPContext address) {}
