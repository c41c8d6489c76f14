import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { topics } from '@talaria/contracts';
import { NotWrittenError, type OutgoingRecord, type VerifiedProducer } from '@talaria/kafka';
import { encodeRecord, Spool } from '@talaria/spool';
import { testLogger } from '../../../../test/kit/logger';
import { replaySpool } from './replay-spool';
import { spoolStatus } from './spool-status';

describe('a replay', () => {
  let directory: string;
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'spool-'))));
  afterEach(() => rmSync(directory, { recursive: true }));

  it('leaves nothing behind, not even dead letters that it had to put into the spool itself', async () => {
    const onLost = () => undefined;
    const spool = await Spool.open({ directory, maxBytes: 1e9, logger: testLogger, onLost });
    await spool.append(encodeRecord({ topic: topics.webhooks.name, key: 'a', value: 'large' }));
    await spool.close();
    const written: OutgoingRecord[] = [];
    const producer: Pick<VerifiedProducer, 'send'> = {
      send(record, { timeoutMs } = {}) {
        if (record.topic === topics.webhooks.name)
          return Promise.reject(new NotWrittenError('refused', 'too large'));
        if (timeoutMs !== undefined) return Promise.reject(new NotWrittenError('timeout', 'slow'));
        written.push(record);
        return Promise.resolve({ topic: record.topic, partition: 0, offset: 0 });
      },
    };
    await replaySpool({
      directory,
      producer: producer as VerifiedProducer,
      logger: testLogger,
      say: () => undefined,
    });
    expect(written.map(({ topic }) => topic)).toEqual([topics.webhooksDlq.name]);
    expect(await spoolStatus(directory)).toMatchObject({ segments: 0, bytes: 0 });
  });
});
