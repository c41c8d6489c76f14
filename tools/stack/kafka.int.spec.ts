import { mkdtempSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startOwnKafka } from '../setup/own-stack';
import { jarsFolder } from './kafka-jars';

const onLinux = process.platform === 'linux' ? it : it.skip;

onLinux(
  'runs from the archive of its classes, where the JVM could write one',
  async () => {
    const { DATABASE_URL: databaseUrl = '' } = process.env;
    const directory = mkdtempSync(join(tmpdir(), 'kafka-'));
    const kafka = await startOwnKafka({ directory, databaseUrl });
    try {
      const archive = join(jarsFolder(), 'classes.jsa');
      const memory = readFileSync(`/proc/${kafka.brokers[0]?.pid}/maps`, 'utf8');
      expect(memory.includes(archive)).toBe(statSync(archive).size > 0);
    } finally {
      await kafka.stop();
    }
  },
  120_000,
);
