import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { createTokenSource } from './oauth-token';

let server: Server | undefined;

async function serve(listener: RequestListener): Promise<string> {
  server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
}
const client = { clientId: 'talaria', clientSecret: 'hunter2' };

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

it('keeps a token until shortly before its end, and asks once for all who wait', async () => {
  let given = 0;
  const tokenUrl = await serve((request, response) => {
    request.resume();
    given += 1;
    response.end(JSON.stringify({ access_token: `token-${given}`, expires_in: 300 }));
  });
  let now = 0;
  const next = createTokenSource({ ...client, tokenUrl }, () => now);
  expect(await Promise.all([next(), next()])).toEqual([{ value: 'token-1' }, { value: 'token-1' }]);
  now = 239_000;
  expect(await next()).toEqual({ value: 'token-1' });
  now = 240_000;
  expect(await next()).toEqual({ value: 'token-2' });
});

it('asks as a client with its scope', async () => {
  let asked = '';
  const tokenUrl = await serve((request, response) => {
    request.on('data', (chunk: Buffer) => (asked += chunk.toString()));
    request.on('end', () => response.end(JSON.stringify({ access_token: 'x' })));
  });
  await createTokenSource({ ...client, tokenUrl, scope: 'kafka write' })();
  expect(asked).toBe('grant_type=client_credentials&scope=kafka+write');
});

it.each<[string, number, string, string, boolean]>([
  ['refuses the client', 401, '{"error":"invalid_client"}', 'refuses the client: 401 invalid_client', false],
  ['says something else', 400, '{"error":"it is hunter2!"}', 'refuses the client: 400', false],
  ['is overloaded', 503, 'hunter2', 'answers 503', true],
  ['gives no token', 200, '{"token":"hunter2"}', 'without an access_token', false],
  ['is no token server', 200, '<html>hunter2</html>', 'without an access_token', false],
])('a server that %s is told of, without what it said', async (_, status, body, message, retriable) => {
  const tokenUrl = await serve((request, response) => {
    request.resume();
    response.writeHead(status).end(body);
  });
  const failed = createTokenSource({ ...client, tokenUrl })();
  await expect(failed).rejects.toMatchObject({ message: expect.stringContaining(message), retriable });
  await expect(failed).rejects.not.toThrow('hunter2');
});

it('a server that is away is asked again', async () => {
  const tokenUrl = await serve(() => undefined);
  server?.close();
  const failed = createTokenSource({ ...client, tokenUrl })();
  await expect(failed).rejects.toMatchObject({
    message: expect.stringContaining('ECONNREFUSED'),
    retriable: true,
  });
});
