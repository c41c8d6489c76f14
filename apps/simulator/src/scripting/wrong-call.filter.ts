import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { type FastifyReply } from 'fastify';
import { WrongCall } from './call-fields';

/** Answers 400 `{"error": …}` to a scripting call that cannot be meant as it stands. */
@Catch(WrongCall)
export class WrongCallFilter implements ExceptionFilter<WrongCall> {
  catch(wrong: WrongCall, host: ArgumentsHost): void {
    void host.switchToHttp().getResponse<FastifyReply>().status(400).send({ error: wrong.message });
  }
}
