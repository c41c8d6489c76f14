import { type ClientListeners } from '../../stack/kafka';
import { freePorts } from '../../stack/ports';
import { type Link, type LinkOptions, openLink } from './link';

/** The links between the parts of a run; each leads from a client to a server, both by name. */
export type Network = {
  /**
   * For the brokers of a stack: a link `client` → `kafka-1` for each client and broker, opened before the brokers start, so that their own
   * (`brokers` → `kafka-1`, which all others reach broker 1 by) are there when they look for each other. Controllers use no link.
   */
  listeners(clients: readonly string[]): ClientListeners;
  /** KAFKA_BROKERS of a client that has listeners: its links to all brokers. */
  kafkaBrokers(client: string): string;
  /** A link on a free port. @throws when there is one already */
  open(from: string, to: string, place: LinkOptions['to']): Promise<Link>;
  /** @throws when there is none */
  between(from: string, to: string): Link;
  readonly links: () => readonly Link[];
  close(): Promise<void>;
};

export function createNetwork(): Network {
  const links = new Map<string, Link>();

  async function open(from: string, to: string, place: LinkOptions['to']): Promise<Link> {
    const name = `${from}/${to}`;
    const [port = 0] = await freePorts(1);
    if (links.has(name)) throw new Error(`There is a link ${name} already.`);
    const link = await openLink({ name, port, to: place });
    links.set(name, link);
    return link;
  }

  return {
    listeners: (names) => ({
      names,
      async wayTo(client, nodeId, port) {
        const { address } = await open(client, `kafka-${nodeId}`, { host: '127.0.0.1', port });
        return Number(address.split(':')[1]);
      },
    }),
    kafkaBrokers(client) {
      const own = [...links.values()].filter(({ name }) => name.startsWith(`${client}/kafka-`));
      if (own.length === 0) throw new Error(`No broker has a listener for ${client}.`);
      return own.map(({ address }) => address).join(',');
    },
    open,
    between(from, to) {
      const link = links.get(`${from}/${to}`);
      if (link === undefined)
        throw new Error(`There is no link ${from}/${to}, but ${[...links.keys()].join(', ')}.`);
      return link;
    },
    links: () => [...links.values()],
    async close() {
      await Promise.all([...links.values()].map((link) => link.close()));
    },
  };
}
