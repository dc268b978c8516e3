/**
 * An Arquillian container that deploys each archive to a real Clowder launcher process of its own.
 *
 * <p>With this artifact and a runner such as {@code arquillian-junit5-container} on the class path of the tests nothing
 * else is needed: {@code clowder.jar} is inside. {@code arquillian.xml} may set the properties of
 * {@link dev.clowder.arquillian.ClowderConfiguration}:
 *
 * <pre>{@code
 * <container qualifier="clowder" default="true">
 *   <configuration>
 *     <property name="workers">4</property>
 *     <property name="arguments">--health-path /ping</property>
 *   </configuration>
 * </container>
 * }</pre>
 *
 * <p>Tests get the URL of the deployment as usual, inside the container too, in whichever worker they run; tests on the
 * client's side also get the {@link dev.clowder.arquillian.ClusterControl} as an {@code @ArquillianResource}. Without
 * Arquillian, {@link dev.clowder.arquillian.ClowderProcess#builder()} starts the same thing.
 */
@NullMarked
package dev.clowder.arquillian;

import org.jspecify.annotations.NullMarked;
