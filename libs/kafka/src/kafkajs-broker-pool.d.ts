/** Inside kafkajs 2.2.4: what a client knows of the brokers. Only what corrupted-broker-map.int.spec.ts touches. */
declare module 'kafkajs/src/cluster/brokerPool' {
  class BrokerPool {
    brokers: Record<string, { nodeId: number }>;
    connect(): Promise<void>;
  }
  export = BrokerPool;
}
