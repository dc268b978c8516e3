// proxy, the npm package: a forward proxy. It appends the client to the first X-Forwarded-For line, and to no other.
import http from 'node:http';
import { createProxy } from 'proxy';

http.globalAgent = new http.Agent({ keepAlive: true });

const FORGED = /^x-forwarded-|^forwarded$/i;

function clean(request) {
  const kept = [];
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    if (!FORGED.test(request.rawHeaders[i])) {
      kept.push(request.rawHeaders[i], request.rawHeaders[i + 1]);
    }
  }
  request.rawHeaders = kept;
}

function listen(port, localAddress, prepare) {
  const server = http.createServer();
  server.prependListener('request', prepare);
  createProxy(server);
  server.localAddress = localAddress;
  server.listen(port, '127.0.0.1');
}

listen(@listen:careful@, '127.0.0.1', clean);
listen(@listen:careless@, '127.0.0.1', () => {});
// Clowder does not trust this one.
listen(@listen:stranger@, '127.0.0.4', () => {});
