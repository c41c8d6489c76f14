import { parseSendMessage, topics } from '@talaria/contracts';
import { partitionOf } from '@talaria/kafka';
import { commandOf, sendersOf } from './commands';

describe('the numbers that send', () => {
  it('share accounts and partitions as it is asked for, and no two are alike', () => {
    const some = sendersOf(0, { count: 5, perWaba: 2, messagesPerSecond: 1, partition: 3 });
    const others = sendersOf(5, { count: 5, messagesPerSecond: 1, partition: 3 });
    expect(new Set(some.map(({ wabaId }) => wabaId)).size).toBe(3);
    expect(new Set([...some, ...others].map(({ wabaId }) => wabaId)).size).toBe(8);
    expect(new Set([...some, ...others].map(({ phoneNumberId }) => phoneNumberId)).size).toBe(10);
    for (const { wabaId } of [...some, ...others])
      expect(partitionOf(wabaId, topics.outbound.partitions)).toBe(3);
  });

  it('send commands that the dispatcher takes', () => {
    const [sender] = sendersOf(0, { count: 1, messagesPerSecond: 1 });
    const command = commandOf(1_234_567, sender!, 1_000_000, 'campaign');
    expect(parseSendMessage(Buffer.from(JSON.stringify(command)))).toEqual({ ok: true, command });
  });
});
