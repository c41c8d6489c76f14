import { type IncomingMessage } from 'node:http';
import { isStopping } from '@talaria/observability';
import { isSignatureForm, signatureHeader } from '@talaria/whatsapp';
import { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { connectionsDropped, type Refusal, webhookRequests } from './webhook/webhook.metrics';

/** Meta sends up to 3 MB. */
const BODY_LIMIT = 4 * 1024 * 1024;
/** All bodies that are being read or not answered yet. What else a request holds grows with its body, so this bounds the memory. */
const BODIES_LIMIT = 64 * 1024 * 1024;

const statusOf: Readonly<Record<Refusal, number>> = {
  bad_signature: 401,
  too_large: 413,
  overloaded: 503,
  aborted: 400,
};

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
    /** Bytes of its body that count against the limit of all bodies. */
    heldBytes: number;
  }
}

type Done = (error: Error | null, body?: Buffer) => void;

/**
 * What stands between the internet and the controllers: what cannot be accepted whatever its body is refused before the body is read; bodies
 * stay the bytes that came, because the signature is over them, and it alone decides, not the content type; and what does not fit into the memory that all bodies share is refused
 * with 503. A refusal is a status without a word, and ends the connection.
 */
export function guardEdge(server: FastifyInstance, maxConnections: number): void {
  const bodies = { held: 0 };

  server.decorateRequest('heldBytes', 0);
  server.server.maxConnections = maxConnections;
  server.server.on('drop', () => connectionsDropped.inc());

  server.addHook('onRequest', (request, reply, done) => {
    // Emitted once, however the request ends.
    reply.raw.once('close', () => (bodies.held -= request.heldBytes));
    if (isStopping()) reply.header('connection', 'close');
    if (request.is404) {
      void reply.code(404).header('connection', 'close').send();
      return;
    }
    const refusal = request.method === 'POST' ? refusalOf(request) : undefined;
    if (refusal === undefined) done();
    else refuse(reply, refusal);
  });

  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', (request: FastifyRequest, stream: IncomingMessage, done: Done) =>
    readBody(request, stream, bodies, done),
  );
}

function refusalOf({ headers }: FastifyRequest): Refusal | undefined {
  if (Number(headers['content-length'] ?? 0) > BODY_LIMIT) return 'too_large';
  return isSignatureForm(headers[signatureHeader]) ? undefined : 'bad_signature';
}

function refuse(reply: FastifyReply, refusal: Refusal): void {
  webhookRequests.inc({ result: refusal });
  void reply.code(statusOf[refusal]).header('connection', 'close').send();
}

function readBody(
  request: FastifyRequest,
  stream: IncomingMessage,
  bodies: { held: number },
  done: Done,
): void {
  const chunks: Buffer[] = [];
  const onData = (chunk: Buffer) => {
    request.heldBytes += chunk.length;
    bodies.held += chunk.length;
    chunks.push(chunk);
    if (request.heldBytes > BODY_LIMIT) end('too_large');
    else if (bodies.held > BODIES_LIMIT) end('overloaded');
  };
  const onEnd = () => end();
  const onClose = () => end('aborted');
  function end(refusal?: Refusal): void {
    stream.off('data', onData).off('end', onEnd).off('close', onClose);
    if (refusal === undefined) {
      // Concatenated even when it is one: a chunk may be a view of a larger buffer.
      done(null, Buffer.concat(chunks));
      return;
    }
    webhookRequests.inc({ result: refusal });
    done(new RefusedError(refusal));
  }
  stream.on('data', onData).on('end', onEnd).on('close', onClose);
}
