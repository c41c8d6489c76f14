import { createServer } from 'node:http';

// A collector that drops what it is given: what its clients spend is to be measured, and not what it does.
const server = createServer((request, response) => {
  request.resume();
  request.on('end', () => response.writeHead(200).end());
});
server.listen(Number(process.env.HTTP_PORT), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
