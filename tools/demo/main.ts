import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { readEnvironment } from '@talaria/config';
import { type KafkaConfig, kafkaSettings } from '@talaria/kafka';
import { createLogger } from '@talaria/observability';
import { checkCommands, checkWebhooks, isSettled } from '../platform/check-platform';
import { type Platform, startPlatform } from '../platform/platform';
import { type NewNumber } from '../platform/register';
import { runTool } from '../setup/run-tool';
import { untilSignal } from '../setup/until-signal';
import { useStack } from '../setup/use-stack';
import { repositoryRoot } from '../stack/repository';
import { type DemoArguments, readArguments } from './arguments';
import { observe, type Observer } from './observer';
import { startPublisher } from './publisher';
import { tableHead, tableRow } from './table';
import { startTraces, type Traces } from './traces';

const numbers: readonly [NewNumber, ...NewNumber[]] = [
  {
    wabaId: '100001',
    phoneNumberId: '200001',
    displayPhoneNumber: '+1 555 010 0001',
    accessToken: 'demo-token-a',
  },
  {
    wabaId: '100001',
    phoneNumberId: '200002',
    displayPhoneNumber: '+1 555 010 0002',
    accessToken: 'demo-token-a',
  },
  {
    wabaId: '100002',
    phoneNumberId: '200003',
    displayPhoneNumber: '+1 555 010 0003',
    accessToken: 'demo-token-b',
  },
];
const INBOUND_PER_SECOND = 30;
const COMMANDS_PER_SECOND = 60;
const SETTLE_WITHIN_MS = 45_000;

const say = (line: string) => console.error(line);

// `npm run demo`: everything on this machine, real traffic both ways, until Ctrl-C or --seconds.
runTool(async () => {
  const demo = readArguments(process.argv.slice(2));
  const stopped = untilSignal();
  const stack = await useStack(say);
  try {
    const name = `demo-${Date.now().toString(36)}`;
    const broken = new Broken();
    const onUnexpectedEnd = (app: string, how: string) => broken.because(`${app} ended: ${how}`);
    const traces = await startTraces(process.env);
    try {
      const { env } = traces;
      const platform = await startPlatform({ name, ...stack, env, say, onUnexpectedEnd });
      try {
        return await drive(demo, platform, traces, Promise.race([stopped, broken.promise]));
      } finally {
        say('Stopping.');
        const ends = await platform.stop();
        const unclean = Object.entries(ends).filter(([, end]) => end !== 'exit code 0');
        for (const [app, end] of unclean) say(`${app} did not end cleanly: ${end}`);
      }
    } finally {
      await traces.stop();
    }
  } finally {
    await stack.stop();
  }
});

/** Rejects when something that must go on has ended. */
class Broken {
  because: (reason: string) => void = () => undefined;
  readonly promise = new Promise<never>((_, reject) => {
    this.because = (reason) => reject(new Error(reason));
  });

  constructor() {
    // Whoever waits hears of it; until then it is no fault of this process.
    this.promise.catch(() => undefined);
  }
}

async function drive(
  demo: DemoArguments,
  platform: Platform,
  traces: Traces,
  stopped: Promise<unknown>,
): Promise<number> {
  const logger = createLogger('demo', 'error');
  const config = readEnvironment(kafkaSettings, {
    KAFKA_BROKERS: platform.kafkaBrokers,
    KAFKA_PREFIX: platform.kafkaPrefix,
  });
  for (const number of numbers) await platform.addNumber(number);
  await platform.addProcess('reply-bot', 'dist/examples/reply-bot/reply-bot.js', {});
  say(whereToLook(platform, traces));

  const observer = await observe(platform, config, logger);
  const publisher = await startPublisher(config, numbers, COMMANDS_PER_SECOND, observer.published, logger);
  await platform.simulator.startTraffic({ perSecond: INBOUND_PER_SECOND, senders: 500 });
  const ended = new AbortController();
  const watching = Promise.all([show(observer, ended.signal), misfortune(platform, ended.signal)]);
  const time = demo.seconds === undefined ? new Promise<never>(() => undefined) : sleep(demo.seconds * 1000);
  // What watches and publishes only ends by itself when it fails.
  await Promise.race([stopped, time, watching, publisher.failed]);
  ended.abort();
  await watching;
  say('Traffic has ended; waiting for what is on its way.');
  await Promise.all([platform.simulator.stopTraffic(), publisher.stop()]);
  await settle(platform, observer);
  const result = await compare(platform, observer);
  await observer.close();
  return tell(demo, result, config);
}

/** Now and then Meta fails: a passing fault, a recipient that cannot be reached, a failure that is told later. */
async function misfortune({ simulator }: Platform, signal: AbortSignal): Promise<void> {
  const answers = [{ code: 131016 }, { code: 131026 }, { failedStatus: 131026 }];
  for (let index = 0; !signal.aborted; index++) {
    await simulator.addFault({ times: 2, answer: answers[index % answers.length] });
    await sleep(2000, undefined, { signal }).catch(() => undefined);
  }
}

async function show(observer: Observer, signal: AbortSignal): Promise<void> {
  const isTerminal = process.stderr.isTTY;
  for (let line = 0; !signal.aborted; line++) {
    await sleep(isTerminal ? 1000 : 5000, undefined, { signal }).catch(() => undefined);
    if (line % 20 === 0) say(`\n${tableHead}`);
    say(tableRow(await observer.figures()));
  }
}

async function settle(platform: Platform, { published }: Observer): Promise<void> {
  const deadline = Date.now() + SETTLE_WITHIN_MS;
  let before = -1;
  // Replies to the last messages are still being published: settled means that nothing new came either.
  while (Date.now() < deadline) {
    if (published.size === before && (await isSettled(platform, published))) return;
    before = published.size;
    await sleep(500);
  }
}

async function compare(platform: Platform, observer: Observer) {
  const { simulator, databaseUrl } = platform;
  const figures = await observer.figures();
  const stats = await simulator.stats();
  return {
    webhooks: await checkWebhooks(databaseUrl, await simulator.acknowledged()),
    commands: await checkCommands(databaseUrl, observer.published, await simulator.accepted()),
    answerMs: { p50: figures.answerP50Ms, p99: figures.answerP99Ms },
    refused: stats.refused,
    maxPerSecond: stats.maxPerSecond,
    deadLetters: figures.deadLetters,
    seconds: figures.seconds,
  };
}

function tell(
  { json }: DemoArguments,
  result: Awaited<ReturnType<typeof compare>>,
  config: KafkaConfig,
): number {
  const { webhooks, commands } = result;
  const isWhole = webhooks.lost + webhooks.duplicated + commands.lost + commands.doubled === 0;
  if (json) console.log(JSON.stringify(result));
  say(
    `\n${webhooks.acked} webhook items answered 200: ${webhooks.projected} projected, ${webhooks.lost} lost, ${webhooks.duplicated} duplicated.\n` +
      `${commands.published} commands published: ${commands.accepted} accepted, ${commands.delivered} delivered, ${commands.failed} failed, ` +
      `${commands.deadLettered} dead-lettered, ${commands.lost} lost, ${commands.doubled} doubled.`,
  );
  if (!isWhole) say(`Something is missing or doubled. The logs are in ${logsOf(config)}`);
  return isWhole ? 0 : 1;
}

function logsOf({ KAFKA_PREFIX: prefix }: KafkaConfig): string {
  return join(repositoryRoot(), '.talaria/logs', prefix.slice(0, -1));
}

function whereToLook(
  { databaseUrl, kafkaBrokers, kafkaPrefix, apps, webhookUrl, metricsUrls, simulator }: Platform,
  traces: Traces,
): string {
  return `
Where to look, while it runs:
  Postgres   psql '${databaseUrl}'
             SELECT status, count(*) FROM messages WHERE direction = 'outbound' GROUP BY 1;
             SELECT contact_phone, type, text, message_at FROM messages WHERE direction = 'inbound' ORDER BY message_at DESC LIMIT 10;
             SELECT state, cause, error_code, count(*) FROM commands GROUP BY 1, 2, 3;
  Kafka      ${kafkaBrokers}, topics ${kafkaPrefix}whatsapp.*
  Webhook    ${webhookUrl}
  Health     ${Object.values(apps)
    .filter(({ name }) => name !== 'simulator')
    .map(({ healthUrl }) => `${healthUrl}/ready`)
    .join('  ')}
  Metrics    ${Object.values(metricsUrls).join('  ')}
  Simulator  ${simulator.url}/simulator/stats
  Traces     ${traces.whereToLook}
  Logs       ${join(repositoryRoot(), '.talaria/logs', kafkaPrefix.slice(0, -1))}
Ctrl-C ends it.`;
}
