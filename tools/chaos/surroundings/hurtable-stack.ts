import { type OwnStack, type OwnStackOptions, startOwnStack } from '../../setup/own-stack';
import { kafkaClients } from '../processes';
import { createNetwork, type Network } from './network';

/** Three brokers and a Postgres that nothing else uses, and a link from each process to each broker. */
export type HurtableStack = OwnStack & { readonly network: Network };

/** What it returns ends its links, too, when it is stopped. */
export async function startHurtableStack(
  options: Pick<OwnStackOptions, 'directory' | 'say'>,
): Promise<HurtableStack> {
  const network = createNetwork();
  const clients = network.listeners(kafkaClients);
  const stack = await startOwnStack({ brokers: 3, clients, ...options });
  return {
    ...stack,
    network,
    async stop() {
      await stack.stop();
      await network.close();
    },
  };
}
