import {
  Body,
  Controller,
  Delete,
  Get,
  Header,
  HttpCode,
  Inject,
  Param,
  Post,
  Put,
  Query,
  UseFilters,
} from '@nestjs/common';
import { HangingReplies } from '../cloud-api/hanging-replies';
import { Simulator } from '../simulator';
import { metaJson } from '../webhooks/meta-json';
import { WrongCall } from './call-fields';
import {
  readAfter,
  readDelivery,
  readFault,
  readNumber,
  readSettings,
  readTraffic,
  type AllSettings,
} from './read-calls';
import { WrongCallFilter } from './wrong-call.filter';

const JSON_TYPE = 'application/json; charset=utf-8';

/** The calls by which tests and the demo script the simulator. `docs/simulator.md` describes each. */
@Controller('simulator')
@UseFilters(WrongCallFilter)
export class ScriptingController {
  constructor(
    @Inject(Simulator) private readonly simulator: Simulator,
    @Inject(HangingReplies) private readonly hanging: HangingReplies,
  ) {}

  @Put('numbers/:id')
  register(@Param('id') id: string, @Body() body: unknown) {
    const number = readNumber(id, body);
    this.simulator.numbers.register(number);
    return number;
  }

  @Get('numbers')
  numbers() {
    return { numbers: this.simulator.numbers.all() };
  }

  @Get('settings')
  settings(): AllSettings {
    const { settings, client, queue } = this.simulator;
    return { webhookUrl: client.url, ...settings, webhooks: queue.settings };
  }

  @Put('settings')
  change(@Body() body: unknown): AllSettings {
    const { webhookUrl, webhooks, ...settings } = readSettings(this.settings(), body);
    this.simulator.client.changeUrl(webhookUrl);
    this.simulator.queue.settings = webhooks;
    this.simulator.settings = settings;
    return this.settings();
  }

  @Post('faults')
  addFault(@Body() body: unknown) {
    const { match, times, answer } = readFault(body);
    return this.simulator.faults.add(match, times, answer);
  }

  @Get('faults')
  faults() {
    return { faults: this.simulator.faults.list(), hanging: this.hanging.size };
  }

  @Delete('faults')
  removeFaults() {
    this.simulator.faults.removeAll();
    this.hanging.releaseAll();
    return this.faults();
  }

  @Post('traffic')
  startTraffic(@Body() body: unknown) {
    const { simulator } = this;
    if (simulator.traffic?.isRunning === true) {
      throw new WrongCall('traffic runs already: stop it first with DELETE /simulator/traffic');
    }
    return simulator.startTraffic(readTraffic(simulator.numbers.all(), body)).progress();
  }

  @Get('traffic')
  traffic() {
    return this.simulator.traffic?.progress() ?? { running: false };
  }

  @Delete('traffic')
  stopTraffic() {
    this.simulator.traffic?.stop();
    return this.traffic();
  }

  @Post('webhooks')
  @HttpCode(200)
  async deliver(@Body() call: unknown) {
    const { body: payload, times, signature } = readDelivery(call);
    const { client } = this.simulator;
    const body = typeof payload === 'string' ? payload : metaJson(payload);
    const statuses: (number | 'failed')[] = [];
    for (let time = 0; time < times; time += 1) {
      statuses.push(
        await client.post(body, signature === undefined ? client.sign(body) : (signature ?? undefined)),
      );
    }
    return { status: statuses.at(-1), statuses };
  }

  @Get('accepted')
  @Header('content-type', JSON_TYPE)
  accepted(@Query('after') after: string | undefined) {
    return this.simulator.records.accepted.page('accepted', readAfter(after));
  }

  @Get('unanswered')
  @Header('content-type', JSON_TYPE)
  unanswered(@Query('after') after: string | undefined) {
    return this.simulator.records.unanswered.page('unanswered', readAfter(after));
  }

  @Get('over-limit')
  @Header('content-type', JSON_TYPE)
  overLimit(@Query('after') after: string | undefined) {
    return this.simulator.records.overLimit.page('overLimit', readAfter(after));
  }

  @Get('acknowledged')
  @Header('content-type', JSON_TYPE)
  acknowledged(@Query('after') after: string | undefined) {
    return this.simulator.records.acknowledgedItems.page('acknowledged', readAfter(after));
  }

  @Get('stats')
  stats() {
    const { records, faults, limits, courier, queue } = this.simulator;
    return {
      accepted: records.accepted.length,
      readMarks: records.readMarks,
      refused: records.refused,
      faults: faults.applied(),
      hanging: this.hanging.size,
      maxPerSecond: limits.highest(),
      webhooks: {
        ...courier.counts,
        waiting: queue.waiting,
        acknowledgedItems: records.acknowledgedItems.length,
        answerMs: records.webhookAnswerMs.summary(),
      },
    };
  }

  @Delete('state')
  @HttpCode(204)
  reset(): void {
    this.hanging.releaseAll();
    this.simulator.reset();
  }
}
