// http-proxy, the npm package, in front of Clowder. It keeps a forged X-Forwarded-Host unless somebody removes it.
import http from 'node:http';
import httpProxy from 'http-proxy';

const target = 'http://127.0.0.1:@plain@';
const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
const requests = httpProxy.createProxyServer({ target, agent, xfwd: true });
// An upgraded connection is never used again.
const upgrades = httpProxy.createProxyServer({ target, xfwd: true });

for (const proxy of [requests, upgrades]) {
  proxy.on('error', (error, request, response) => {
    console.error(String(error));
    response.destroy();
  });
}

function listen(port, clean) {
  http
    .createServer((request, response) => {
      clean(request);
      requests.web(request, response);
    })
    .on('upgrade', (request, socket, head) => {
      clean(request);
      upgrades.ws(request, socket, head);
    })
    .listen(port, '127.0.0.1');
}

listen(@listen:careful@, (request) => delete request.headers['x-forwarded-host']);
listen(@listen:careless@, () => {});
