import './lost-broker';
import type Broker from 'kafkajs/src/broker';
import ConsumerGroup from 'kafkajs/src/consumer/consumerGroup';

const warn = jest.fn();
const away = () => Promise.reject(Object.assign(new Error('away'), { name: 'KafkaJSConnectionError' }));

/** A member whose coordinator is broker 1, of three. */
function member(brokers: Readonly<Record<number, object>>): ConsumerGroup {
  const broker = (nodeId: number) => ({ nodeId, ...brokers[nodeId] }) as Broker;
  const group = new ConsumerGroup({
    ...{ groupId: 'group', retry: {}, logger: { namespace: () => ({ warn }) } },
    instrumentationEmitter: { emit: () => undefined },
    cluster: {
      getNodeIds: () => ['1', '2', '3'],
      findBroker: ({ nodeId }) => Promise.resolve(broker(Number(nodeId))),
      refreshMetadata: () => Promise.resolve(),
    },
  });
  const coordinator = broker(1);
  return Object.assign(group, { coordinator, memberId: 'm', offsetManager: { coordinator }, lastRequest: 0 });
}

const names = (nodeId: number) => ({
  findGroupCoordinator: () => Promise.resolve({ coordinator: { nodeId } }),
});

beforeEach(() => warn.mockClear());

describe('a member whose coordinator does not answer', () => {
  it('takes the one that others name, whichever of them answers', async () => {
    const heartbeat = jest.fn(() => Promise.resolve());
    const asked = jest.fn(away);
    const group = member({
      1: { heartbeat: away, findGroupCoordinator: asked },
      2: { findGroupCoordinator: away },
      3: { ...names(3), heartbeat },
    });
    await expect(group.heartbeat({ interval: 0 })).rejects.toThrow('away');
    expect(group.coordinator?.nodeId).toBe(3);
    expect(asked).not.toHaveBeenCalled();
    expect(warn.mock.calls).toEqual([[expect.stringMatching(/^Broker 1.* did not answer; broker 3 /)]]);
    await group.heartbeat({ interval: 0 });
    expect(heartbeat).toHaveBeenCalledTimes(1);
    expect(group.offsetManager?.coordinator.nodeId).toBe(3);
  });

  it('commits to the new one, also after a commit had been waiting for the old one', async () => {
    const group = member({ 1: { heartbeat: away }, 2: { ...names(2), heartbeat: () => Promise.resolve() } });
    const { coordinator: old } = group;
    await expect(group.heartbeat({ interval: 0 })).rejects.toThrow('away');
    await group.heartbeat({ interval: 0 });
    group.offsetManager!.coordinator = old!;
    await group.heartbeat({ interval: 0 });
    expect(group.offsetManager!.coordinator.nodeId).toBe(2);
  });

  it('stays with it, without a word, while the others still name it', async () => {
    const group = member({ 1: { heartbeat: away }, 2: names(1), 3: names(1) });
    const { coordinator } = group;
    await expect(group.heartbeat({ interval: 0 })).rejects.toThrow('away');
    expect(group.coordinator).toBe(coordinator);
    expect(warn).not.toHaveBeenCalled();
  });

  it('keeps what a join has found meanwhile', async () => {
    const group = member({
      1: { heartbeat: away },
      2: {
        findGroupCoordinator: () => {
          group.coordinator = { nodeId: 3 } as Broker;
          return Promise.resolve({ coordinator: { nodeId: 2 } });
        },
      },
    });
    await expect(group.heartbeat({ interval: 0 })).rejects.toThrow('away');
    expect(group.coordinator?.nodeId).toBe(3);
  });

  it('does not look for another when it answers that the group is rebalancing', async () => {
    const find = jest.fn(away);
    const group = member({
      1: { heartbeat: () => Promise.reject(new Error('REBALANCE_IN_PROGRESS')) },
      2: { findGroupCoordinator: find },
    });
    await expect(group.heartbeat({ interval: 0 })).rejects.toThrow('REBALANCE_IN_PROGRESS');
    expect(find).not.toHaveBeenCalled();
  });
});
