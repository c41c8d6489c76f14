import { randomUUID } from 'node:crypto';
import { topics } from '@talaria/contracts';
import { createKafka, type KafkaConfig } from '@talaria/kafka';
import { type Logger } from '@talaria/observability';
import { type NewNumber } from '../platform/register';

/**
 * Publishes notifications and campaign messages as a product would, at a steady rate, until stopped.
 * @param published is given the id of each command that Kafka has taken
 */
export async function startPublisher(
  config: KafkaConfig,
  numbers: readonly [NewNumber, ...NewNumber[]],
  perSecond: number,
  published: Set<string>,
  logger: Logger,
): Promise<{ readonly failed: Promise<never>; stop(): Promise<void> }> {
  const producer = createKafka(config, 'demo-product', logger).producer({ allowAutoTopicCreation: false });
  await producer.connect();
  const startedAt = Date.now();
  let count = 0;
  let sending = Promise.resolve();
  let fail: (error: unknown) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => (fail = reject));
  failed.catch(() => undefined);

  function tick(): void {
    const due = Math.floor(((Date.now() - startedAt) * perSecond) / 1000);
    const commands = Array.from({ length: due - count }, (_, index) => commandFor(count + index));
    count = due;
    if (commands.length === 0) return;
    const messages = commands.map((command) => ({ key: command.wabaId, value: JSON.stringify(command) }));
    sending = sending.then(async () => {
      await producer.send({ topic: config.KAFKA_PREFIX + topics.outbound.name, acks: -1, messages });
      for (const { id } of commands) published.add(id);
    });
    sending.catch(fail);
  }

  function commandFor(index: number) {
    const { wabaId, phoneNumberId } = numbers[index % numbers.length] ?? numbers[0];
    const isCampaign = index % 3 === 0;
    const template = {
      name: isCampaign ? 'autumn_offer' : 'order_ready',
      language: { code: 'en_US' },
      components: [{ type: 'body', parameters: [{ type: 'text', text: String(index) }] }],
    };
    return {
      id: `demo-${randomUUID()}`,
      wabaId,
      phoneNumberId,
      to: `+4915${String(20_000_000 + (index % 5000))}`,
      priority: isCampaign ? 'campaign' : 'notification',
      ...(isCampaign && { campaignId: 'autumn' }),
      message: { type: 'template', template },
    };
  }

  const timer = setInterval(tick, 50);
  return {
    failed,
    async stop() {
      clearInterval(timer);
      await sending;
      await producer.disconnect();
    },
  };
}
