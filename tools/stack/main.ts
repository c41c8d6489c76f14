import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readEnvironment } from '@talaria/config';
import { kafkaSettings } from '@talaria/kafka';
import { generateKey } from '@talaria/registry';
import { prepareDatabase, prepareTopics } from '../setup/prepare';
import { runTool } from '../setup/run-tool';
import { untilSignal } from '../setup/until-signal';
import { repositoryRoot } from './repository';
import { startStack } from './stack';

/** `--brokers 3` or `--brokers=3`. */
function brokersOf(args: readonly string[]): 1 | 3 {
  const text = args.join(' ').trim();
  const [, count] = /^--brokers[ =](1|3)$/.exec(text) ?? [];
  if (text !== '' && count === undefined)
    throw new Error(`usage: npm run stack -- [--brokers 1|3], not: ${text}`);
  return count === '3' ? 3 : 1;
}

/** Made once: what is in the database was sealed by it. */
function keysFile(): string {
  const file = join(repositoryRoot(), '.talaria/secrets-keys');
  if (!existsSync(file)) writeFileSync(file, `${generateKey('development')}\n`, { mode: 0o600 });
  return file;
}

// `npm run stack`: Kafka and Postgres with topics and schema, until Ctrl-C.
runTool(async () => {
  const stopped = untilSignal();
  const stack = await startStack({
    announced: true,
    brokers: brokersOf(process.argv.slice(2)),
    say: (line) => console.error(line),
  });
  try {
    const env = { ...process.env, KAFKA_BROKERS: stack.kafkaBrokers };
    const { created, differences } = await prepareTopics(readEnvironment(kafkaSettings, env));
    const ran = await prepareDatabase(stack.databaseUrl);
    console.error(`Topics: ${created.length} created. Schema: ${ran.length} migrations ran.`);
    if (differences.length > 0)
      console.error('Topics are not as declared, and were left as they are: npm run talaria -- topics diff');
    const exports = {
      KAFKA_BROKERS: stack.kafkaBrokers,
      DATABASE_URL: stack.databaseUrl,
      SECRETS_KEYS_FILE: keysFile(),
    };
    for (const [name, value] of Object.entries(exports)) console.log(`export ${name}='${value}'`);
    console.error('Ready. Ctrl-C ends it.');
    await stopped;
  } finally {
    await stack.stop();
  }
  return 0;
});
