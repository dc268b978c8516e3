/**
 * A request that tells the truth about its client.
 *
 * <p>{@link dev.clowder.valve.ForwardedValve} is the only class here that an administrator names and
 * {@link dev.clowder.valve.Forwarded} the only one that an application reads. The rules themselves are in classes
 * that know nothing of Tomcat: {@code ForwardedPolicy} is compiled once from the attributes, {@code ClientResolver}
 * applies it to each {@code RequestHead}.
 */
@NullMarked
package dev.clowder.valve;

import org.jspecify.annotations.NullMarked;
