import { type ProjectionProgress } from '@talaria/database';
import { statusOf } from './progress';

const version = (
  fields: Pick<ProjectionProgress, 'version' | 'state'>,
  next: readonly number[],
): ProjectionProgress => ({
  shape: 1,
  promotedAt: null,
  skipped: 0,
  ...fields,
  partitions: next.map((one, partition) => ({ topic: 'webhooks', partition, next: one })),
});
const live = version({ version: 1, state: 'live' }, [500, 300]);

describe('the status of versions', () => {
  it('tells how far each is behind the live one, how fast it is and how long it takes', () => {
    const before = [live, version({ version: 2, state: 'building' }, [100])];
    const now = [live, version({ version: 2, state: 'building' }, [200, 300])];
    expect(statusOf(before, now, 500)).toMatchObject([
      { version: 1, records: 800, behindLive: 0, perSecond: 0 },
      { version: 2, records: 500, behindLive: 300, perSecond: 800, secondsLeft: 1 },
    ]);
  });

  it('counts what the live one has not read either, where Kafka is asked', () => {
    const ends = new Map([
      ['webhooks/0', 510],
      ['webhooks/1', 300],
      ['dispatches/0', 4],
    ]);
    expect(statusOf([live], [live], 1000, ends)).toMatchObject([{ behindLive: 0, behindKafka: 14 }]);
  });

  it('knows no time for a version that stands still or was not there before', () => {
    const fresh = version({ version: 2, state: 'building' }, []);
    const [, status] = statusOf([live], [live, fresh], 1000);
    expect(status).toMatchObject({ records: 0, behindLive: 800, perSecond: 0 });
    expect(status).not.toHaveProperty('secondsLeft');
  });
});
