import { Controller, Get, Inject, Post, Req, Res } from '@nestjs/common';
import { type FastifyReply, type FastifyRequest } from 'fastify';
import { Simulator } from '../simulator';
import { jsonAnswer, refusalAnswer, type Answer } from './answer';
import { HangingReplies } from './hanging-replies';
import { accessRefusal, faultOfNumber, type Outcome, receiveSend } from './receive-send';

type NumberRequest = FastifyRequest<{ Params: { version: string; phoneNumberId: string } }>;

const VERSION = /^v\d+\.\d+$/;
const unknownPath = refusalAnswer({
  code: 100,
  details: 'The path must begin with an API version such as v23.0.',
});

/** Meta's own calls. They read the path from the request: each `@Param` would cost a pass through Nest's pipes at every send. */
@Controller()
export class CloudApiController {
  constructor(
    @Inject(Simulator) private readonly simulator: Simulator,
    @Inject(HangingReplies) private readonly hanging: HangingReplies,
  ) {}

  @Post(':version/:phoneNumberId/messages')
  send(@Req() request: NumberRequest, @Res() reply: FastifyReply): void {
    const { simulator } = this;
    const { version, phoneNumberId } = request.params;
    if (!VERSION.test(version)) {
      give(reply, unknownPath);
      return;
    }
    const body = typeof request.body === 'string' ? request.body : '';
    const outcome = receiveSend(
      simulator.desk,
      { phoneNumberId, token: tokenOf(request), body },
      simulator.clock(),
    );
    this.reply(reply, outcome);
  }

  private reply(reply: FastifyReply, outcome: Outcome): void {
    const { simulator } = this;
    switch (outcome.kind) {
      case 'answer':
        if (outcome.delayMs === 0) give(reply, outcome.answer);
        else setTimeout(() => give(reply, outcome.answer), outcome.delayMs);
        return;
      case 'drop':
        drop(reply);
        return;
      case 'hang': {
        const forget = this.hanging.add(() => give(reply, outcome.onRelease(simulator.clock())));
        reply.raw.once('close', forget);
      }
    }
  }

  @Get(':version/:phoneNumberId')
  number(@Req() request: NumberRequest, @Res() reply: FastifyReply): void {
    const { version, phoneNumberId } = request.params;
    if (!VERSION.test(version)) {
      give(reply, unknownPath);
      return;
    }
    const access = this.simulator.numbers.access(tokenOf(request), phoneNumberId);
    if (access.kind !== 'granted') {
      give(reply, refusalAnswer(accessRefusal(access.kind, phoneNumberId)));
      return;
    }
    const fault = faultOfNumber(this.simulator.desk.faults, phoneNumberId);
    if (fault !== undefined) {
      this.reply(reply, fault);
      return;
    }
    const { displayPhoneNumber, verifiedName } = access.number;
    give(
      reply,
      jsonAnswer({
        id: phoneNumberId,
        display_phone_number: displayPhoneNumber,
        verified_name: verifiedName,
        quality_rating: 'GREEN',
      }),
    );
  }
}

function tokenOf(request: FastifyRequest): string | undefined {
  const { authorization } = request.headers;
  return authorization?.startsWith('Bearer ') === true ? authorization.slice('Bearer '.length) : undefined;
}

function give(reply: FastifyReply, { status, body, contentType, retryAfterSeconds }: Answer): void {
  if (retryAfterSeconds !== undefined) void reply.header('retry-after', String(retryAfterSeconds));
  void reply.status(status).header('content-type', contentType).send(body);
}

function drop(reply: FastifyReply): void {
  reply.hijack();
  reply.raw.destroy();
}
