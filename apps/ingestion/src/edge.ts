import { type IncomingMessage } from 'node:http';
import { isStopping } from '@talaria/observability';
import { isSignatureForm, signatureHeader } from '@talaria/whatsapp';
import { type FastifyInstance, type FastifyRequest } from 'fastify';
import { type App, type Apps } from './apps/app';
import { type WebhookReport } from './webhook/webhook-report';
import { connectionsDropped, type Refusal, statusOf } from './webhook/webhook.metrics';

/** Meta sends up to 3 MB. */
const BODY_LIMIT = 4 * 1024 * 1024;
/** What a chunk costs beside its bytes: a body may come in chunks of one byte. */
const CHUNK_BYTES = 512;
/** How much time and memory the internet may take of us; tests give less. */
export const edgeLimits = {
  /** How long a client may take for its headers, and for the whole request. Meta is quick; who trickles holds a connection. */
  requestMs: 5_000,
  /** How often Node looks for clients that are too slow; its default is half a minute. */
  checkMs: 1_000,
  /** Longer than a load balancer keeps its own: the one who sends decides when a connection ends, so that no request meets a closed one. */
  idleMs: 65_000,
  /** All bodies that are being read or not answered yet. What else a request holds grows with its body, so this bounds the memory. */
  bodiesBytes: 64 * 1024 * 1024,
};

export type EdgeLimits = Readonly<typeof edgeLimits>;

/** A request that is refused while its body is read. Fastify answers with the status code. */
class RefusedError extends Error {
  readonly statusCode: number;

  constructor(refusal: Refusal) {
    super(refusal);
    this.statusCode = statusOf[refusal];
  }
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Bytes of its body that count against the limit of all bodies, until it is answered. */
    heldBytes: number;
    /** Whose webhook it is, by its path. */
    app: App | undefined;
  }
}

/** A body that is not whole yet, and how to end that. */
type Reading = { readonly request: FastifyRequest; readonly end: (refusal: Refusal) => void };
type Bodies = {
  held: number;
  readonly maxBytes: number;
  readonly reading: Set<Reading>;
  readonly report: WebhookReport;
};
type Done = (error: Error | null, body?: Buffer) => void;

/**
 * What stands between the internet and the controllers: what cannot be accepted whatever its body is refused before the body is read; bodies
 * stay the bytes that came, because the signature is over them, and it alone decides, not the content type; and what does not fit into the memory that all bodies share is refused
 * with 503. A refusal is a status without a word, and ends the connection.
 */
export function guardEdge(
  server: FastifyInstance,
  edge: {
    readonly apps: Apps;
    readonly report: WebhookReport;
    readonly maxConnections: number;
    readonly maxBytes: number;
  },
): void {
  const { apps, report, maxConnections, maxBytes } = edge;
  const bodies: Bodies = { held: 0, maxBytes, reading: new Set(), report };

  server.decorateRequest('heldBytes', 0);
  server.decorateRequest('app', undefined);
  server.server.maxConnections = maxConnections;
  server.server.on('drop', () => connectionsDropped.inc());
  // Node would answer 417 by itself, and keep the connection.
  server.server.on('checkExpectation', (request, response) => server.routing(request, response));

  server.addHook('onRequest', (request, reply, done) => {
    // Only a signed webhook keeps its connection: a stranger has his for one request.
    if (isStopping() || request.method !== 'POST') reply.header('connection', 'close');
    const status = request.is404 ? 404 : noAppStatus(request, apps);
    if (status !== undefined) {
      void reply.code(status).header('connection', 'close').send();
      return;
    }
    // Whatever it was: Fastify answers 415 to a type that is none, and does not read an empty body without one.
    request.raw.headers['content-type'] = 'application/octet-stream';
    const refusal = request.method === 'POST' ? refusalOf(request) : undefined;
    if (refusal === undefined) done();
    else {
      report(refusal, { app: request.app?.id ?? '' });
      void reply.code(statusOf[refusal]).header('connection', 'close').send();
    }
  });

  // Every request comes here. A response that waits behind another does not even close when their connection is gone.
  server.addHook('onSend', (request, _reply, payload, done) => {
    release(bodies, request);
    done(null, payload);
  });

  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', (request: FastifyRequest, stream: IncomingMessage, done: Done) =>
    readBody(request, stream, bodies, done),
  );
}

/**
 * Finds whose webhook a request is.
 * @returns the status when it is nobody's: 503 while nobody can say, so that Meta sends it again
 */
function noAppStatus(request: FastifyRequest, apps: Apps): number | undefined {
  const { app: id } = request.params as { readonly app?: string };
  request.app = apps.find(id);
  if (request.app !== undefined) return undefined;
  // The handshake of an app that is not there is answered by the controller.
  if (id === undefined) return request.method === 'GET' ? undefined : 404;
  return id === '' || apps.areKnown ? 404 : 503;
}

function refusalOf({ headers, app }: FastifyRequest): Refusal | undefined {
  if (Number(headers['content-length'] ?? 0) > BODY_LIMIT) return 'too_large';
  if (!isSignatureForm(headers[signatureHeader])) return 'bad_signature';
  return app?.secrets.length === 0 ? 'sealed' : undefined;
}

function readBody(request: FastifyRequest, stream: IncomingMessage, bodies: Bodies, done: Done): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const onData = (chunk: Buffer) => {
    bytes += chunk.length;
    request.heldBytes += chunk.length + CHUNK_BYTES;
    bodies.held += chunk.length + CHUNK_BYTES;
    chunks.push(chunk);
    if (bytes > BODY_LIMIT) end('too_large');
    else if (bodies.held > bodies.maxBytes) largestOf(bodies).end('overloaded');
  };
  const onEnd = () => end();
  const onClose = () => end('aborted');
  function end(refusal?: Refusal): void {
    bodies.reading.delete(reading);
    stream.off('data', onData).off('end', onEnd).off('close', onClose);
    if (refusal === undefined) {
      // Concatenated even when it is one: a chunk may be a view of a larger buffer.
      done(null, Buffer.concat(chunks));
      return;
    }
    release(bodies, request);
    bodies.report(refusal, { app: request.app?.id ?? '', bytes });
    done(new RefusedError(refusal));
  }
  const reading = { request, end };
  bodies.reading.add(reading);
  stream.on('data', onData).on('end', onEnd).on('close', onClose);
}

/** Who takes most has to go: strangers with large bodies that never end must not keep out Meta's small ones. */
function largestOf({ reading }: Bodies): Reading {
  return [...reading].reduce((largest, one) =>
    one.request.heldBytes > largest.request.heldBytes ? one : largest,
  );
}

function release(bodies: Bodies, request: FastifyRequest): void {
  bodies.held -= request.heldBytes;
  request.heldBytes = 0;
}
