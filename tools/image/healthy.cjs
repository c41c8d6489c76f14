// Whether the app of this container is ready, for HEALTHCHECK: ends with 0 or 1, and prints what the app says of itself.
// Another address than that of METRICS_PORT is given as the argument.
const { get } = require('node:http');

const [url = `http://127.0.0.1:${process.env.METRICS_PORT || 9464}/health/ready`] = process.argv.slice(2);
const asked = get(url, { timeout: 2_500 }, (answer) => {
  answer.pipe(process.stdout);
  process.exitCode = answer.statusCode === 200 ? 0 : 1;
});
asked.on('timeout', () => asked.destroy(new Error('no answer within 2.5 s')));
asked.on('error', (error) => {
  console.error(`${url}: ${error.message}`);
  process.exitCode = 1;
});
