// What Node's own documentation of `cluster` shows: two workers behind one port, and another when one exits. Each says who
// it is as Clowder's workers do. Arguments: the port. It ends with its standard input. Under PM2, which forks itself
// (`pm2 start node-cluster.js -i 2 -- PORT`), only the worker's part runs.
const cluster = require('node:cluster');
const http = require('node:http');

if (cluster.isPrimary) {
  cluster.on('exit', () => cluster.fork());
  cluster.fork();
  cluster.fork();
  process.stdin.resume().on('end', () => process.exit());
} else {
  http
    .createServer((request, response) => {
      response.setHeader('X-Clowder-Worker', `0/${process.pid}`);
      response.end('hello');
    })
    .listen(Number(process.argv[2]), '127.0.0.1');
}
