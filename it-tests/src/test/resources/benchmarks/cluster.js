// Node's `cluster` with two workers and the answers of BenchmarkServlet, byte by byte. Arguments: the port, the port with TLS
// (HTTP/1.1 and HTTP/2), certificate chain and key. It ends with its standard input.
const cluster = require('node:cluster');
const http = require('node:http');
const http2 = require('node:http2');
const fs = require('node:fs');

const BYTES = Buffer.from('x'.repeat(64 * 1024));
const ROUNDS = 1_000_000;
const KEPT_MILLIS = 5_000;
const kept = [];

const sometimes = () => Math.random() < 0.05;

function answer(response, body) {
  response.setHeader('Content-Type', 'text/plain');
  response.setHeader('Content-Length', Buffer.byteLength(body));
  response.end(body);
}

function work(rounds) {
  let x = 1;
  for (let i = 0; i < rounds; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
  }
  return String(x);
}

function keep(items) {
  const now = performance.now();
  kept.push({ until: now + KEPT_MILLIS, items });
  while (kept[0].until < now) {
    kept.shift();
  }
}

function json() {
  const items = [];
  for (let id = 0; id < 25; id++) {
    items.push({
      id,
      name: `Item number ${id}`,
      price: ((1_000 + id * 37) / 100).toFixed(2),
      tags: [`tag-${id}`, `tag-${id * 2}`],
    });
  }
  if (sometimes()) {
    keep(items);
  }
  return JSON.stringify(items);
}

function serve(request, response) {
  switch (request.url) {
    case '/hello': return answer(response, 'hello');
    case '/pid': return answer(response, String(process.pid));
    case '/bytes': return answer(response, BYTES);
    case '/json': return answer(response, json());
    case '/sleep5': return setTimeout(answer, 5, response, 'hello');
    case '/sleep20': return setTimeout(answer, 20, response, 'hello');
    case '/sometimes': return sometimes() ? setTimeout(answer, 20, response, 'hello') : answer(response, 'hello');
    case '/cpu': return answer(response, work(ROUNDS));
    // There is one thread, so this is a lock.
    case '/lock': return answer(response, work(ROUNDS / 2));
    default:
      response.statusCode = 404;
      return response.end();
  }
}

if (cluster.isPrimary) {
  cluster.on('listening', () => console.log('listening'));
  // As Node's documentation shows it: a worker that died is replaced at once.
  cluster.on('exit', () => cluster.fork());
  cluster.fork();
  cluster.fork();
  process.stdin.resume().on('end', () => process.exit());
} else {
  const [port, tlsPort, cert, key] = process.argv.slice(2);
  http.createServer(serve).listen(Number(port), '127.0.0.1');
  http2
    .createSecureServer({ allowHTTP1: true, cert: fs.readFileSync(cert), key: fs.readFileSync(key) }, serve)
    .listen(Number(tlsPort), '127.0.0.1');
}
