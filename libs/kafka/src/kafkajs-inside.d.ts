/** Inside kafkajs 2.2.4, which has no newer release: only what is touched here. A spec holds the version fast. */
declare module 'kafkajs/src/network/requestQueue' {
  class RequestQueue {
    constructor(options: Record<string, unknown>);
    pending: unknown[];
    throttledUntil: number;
    throttleCheckTimeoutId: NodeJS.Timeout | null | undefined;
    checkPendingRequests(): void;
    scheduleCheckPendingRequests: (this: RequestQueue) => void;
    destroy(): void;
  }
  export = RequestQueue;
}

declare module 'kafkajs/src/protocol/requests/produce/v7/response' {
  export type ProduceAnswer = {
    readonly topics: readonly {
      readonly topicName: string;
      readonly partitions: readonly {
        readonly partition: number;
        readonly errorCode: number;
        readonly baseOffset: string;
      }[];
    }[];
  };
  export function decode(answer: Buffer): Promise<ProduceAnswer>;
}

declare module 'kafkajs/src/protocol/error' {
  export function createErrorFromCode(code: number): Error & { readonly type: string };
}

declare module 'kafkajs/src/protocol/decoder' {
  class Decoder {
    constructor(buffer: Buffer);
    readInt16(): number;
    readInt32(): number;
    readString(): string | null;
    readBytes(): Buffer | null;
    canReadBytes(length: number): boolean;
  }
  export = Decoder;
}

declare module 'kafkajs/src/protocol/recordBatch/v0/decoder' {
  type Decoded = {
    readonly key: Buffer | null;
    readonly value: Buffer | null;
    readonly headers: Readonly<Record<string, Buffer>>;
  };
  function decodeBatch(decoder: unknown): Promise<{ readonly records: readonly Decoded[] }>;
  export = decodeBatch;
}

declare module 'kafkajs/src/cluster/brokerPool' {
  class BrokerPool {
    brokers: Record<string, { nodeId: number }>;
    connect(): Promise<void>;
    withBroker: (this: BrokerPool, ask: (asked: object) => Promise<unknown>) => Promise<unknown>;
  }
  export = BrokerPool;
}

declare module 'kafkajs/src/broker' {
  class Broker {
    constructor(options: {
      readonly connectionPool: object;
      readonly logger: { namespace(): unknown };
      readonly authenticationTimeout?: number;
    });
    readonly nodeId: number;
    connect: (this: Broker) => Promise<void>;
    findGroupCoordinator(call: {
      readonly groupId: string;
      readonly coordinatorType: number;
    }): Promise<{ readonly coordinator: { readonly nodeId: number } }>;
    heartbeat(call: unknown): Promise<unknown>;
    joinGroup(call: unknown): Promise<unknown>;
    syncGroup(call: unknown): Promise<unknown>;
    fetch(call: unknown): Promise<{
      readonly responses: readonly {
        readonly partitions: readonly { readonly messages: readonly unknown[] }[];
      }[];
    }>;
  }
  export = Broker;
}

declare module 'kafkajs/src/consumer/consumerGroup' {
  import type Broker from 'kafkajs/src/broker';
  class ConsumerGroup {
    constructor(options: {
      readonly groupId: string;
      readonly cluster: ConsumerGroup['cluster'];
      readonly retry: object;
      readonly logger: { namespace(): ConsumerGroup['logger'] };
      readonly instrumentationEmitter: { emit(): void };
    });
    readonly groupId: string;
    readonly logger: { warn(message: string): void };
    readonly cluster: {
      /** Of the brokers that are known. */
      getNodeIds(): readonly string[];
      findBroker(node: { readonly nodeId: number | string }): Promise<Broker>;
      refreshMetadata(): Promise<void>;
    };
    coordinator: Broker | null;
    memberId: string | null;
    /** Another one after each join. */
    readonly offsetManager: { coordinator: Broker } | null;
    heartbeat: (this: ConsumerGroup, options: { readonly interval: number }) => Promise<void>;
    joinAndSync: (this: ConsumerGroup) => Promise<void>;
    fetch: (this: ConsumerGroup, nodeId: number) => Promise<readonly unknown[]>;
    leave(): Promise<void>;
  }
  export = ConsumerGroup;
}

declare module 'kafkajs/src/consumer/runner' {
  type Fetched = { readonly topic: string; readonly partition: number; readonly fetchedOffset: string };
  class Runner {
    readonly consumerGroup: {
      readonly offsetManager: {
        readonly memberAssignment: Readonly<Record<string, readonly number[]>>;
        nextOffset(topic: string, partition: number): { toString(): string };
      };
    };
    handleBatch: (this: Runner, batch: Fetched) => Promise<void>;
  }
  export = Runner;
}

declare module 'kafkajs/src/errors' {
  import { KafkaJSError } from 'kafkajs';
  export class KafkaJSGroupCoordinatorNotFound extends KafkaJSError {}
  export class KafkaJSNumberOfRetriesExceeded extends KafkaJSError {
    constructor(cause: unknown, details: { readonly retryCount: number; readonly retryTime: number });
  }
}

declare module 'kafkajs/src/network/connection' {
  import { type Socket } from 'node:net';
  import { type ISocketFactory } from 'kafkajs';
  class Connection {
    constructor(options: {
      readonly host: string;
      readonly port: number;
      readonly socketFactory: ISocketFactory;
      readonly connectionTimeout: number;
      readonly requestTimeout: number;
      readonly enforceRequestTimeout?: boolean;
      readonly ssl?: object;
      readonly logger: { namespace(): unknown };
    });
    /** The last one; it may have been closed. */
    readonly socket?: Socket;
    /** What was read of answers that are not complete yet. */
    chunks: Buffer[];
    bytesBuffered: number;
    bytesNeeded: number;
    connect: (this: Connection) => Promise<boolean>;
    disconnect: (this: Connection) => Promise<boolean>;
    processData(bytes: Buffer): void;
    /** `inflight` are those that were sent and not answered yet, by numbers that go up. */
    readonly requestQueue: { readonly inflight: ReadonlyMap<number, unknown> };
    send: (
      this: Connection,
      call: {
        readonly request: { readonly apiKey: number };
        readonly response: unknown;
        readonly requestTimeout?: number;
      },
    ) => Promise<unknown>;
  }
  export = Connection;
}

declare module 'kafkajs/src/network/connectionPool' {
  class ConnectionPool {
    send(call: { readonly request: { readonly apiName: string } }): Promise<unknown>;
  }
  export = ConnectionPool;
}

declare module 'kafkajs/src/network/socketFactory' {
  import { type ISocketFactory } from 'kafkajs';
  function newSocketFactory(): ISocketFactory;
  export = newSocketFactory;
}

declare module 'kafkajs/src/protocol/requests/apiVersions/v0/request' {
  function versionsRequest(): { readonly apiKey: number; readonly apiName: string };
  export = versionsRequest;
}

declare module 'kafkajs/src/protocol/requests/apiVersions/v0/response' {
  export function decode(answer: Buffer): Promise<unknown>;
  export function parse(answer: unknown): Promise<unknown>;
}

declare module 'kafkajs/src/protocol/requests/metadata/v6/request' {
  function metadataRequest(options: {
    readonly topics: readonly string[];
    readonly allowAutoTopicCreation: boolean;
  }): { readonly apiName: string };
  export = metadataRequest;
}

declare module 'kafkajs/src/protocol/requests/metadata/v6/response' {
  export type Metadata = {
    readonly topicMetadata: readonly {
      readonly topic: string;
      readonly topicErrorCode: number;
      readonly partitionMetadata: readonly { readonly partitionId: number; readonly leader: number }[];
    }[];
  };
  export function decode(answer: Buffer): Promise<Metadata>;
}

declare module 'kafkajs/src/protocol/requests/fetch/v4/request' {
  function fetchRequest(options: {
    readonly replicaId: number;
    readonly isolationLevel: number;
    readonly maxWaitTime: number;
    readonly minBytes: number;
    readonly maxBytes: number;
    readonly topics: readonly {
      readonly topic: string;
      readonly partitions: readonly {
        readonly partition: number;
        readonly fetchOffset: number;
        readonly maxBytes: number;
      }[];
    }[];
  }): { readonly apiName: string };
  export = fetchRequest;
}

declare module 'kafkajs/src/protocol/requests/fetch/v4/response' {
  import { type KafkaMessage } from 'kafkajs';
  export type FetchAnswer = {
    readonly responses: readonly {
      readonly topicName: string;
      readonly partitions: readonly {
        readonly partition: number;
        readonly errorCode: number;
        readonly messages: readonly (KafkaMessage & { readonly isControlRecord: boolean })[];
      }[];
    }[];
  };
  export function decode(answer: Buffer): Promise<FetchAnswer>;
}

declare module 'kafkajs/src/broker/saslAuthenticator/plain' {
  import { type AuthenticationProviderArgs, type Authenticator } from 'kafkajs';
  function provider(sasl: {
    readonly username: string;
    readonly password: string;
  }): (args: AuthenticationProviderArgs) => Authenticator;
  export = provider;
}

declare module 'kafkajs/src/broker/saslAuthenticator/scram256' {
  export { default } from 'kafkajs/src/broker/saslAuthenticator/plain';
}

declare module 'kafkajs/src/broker/saslAuthenticator/scram512' {
  export { default } from 'kafkajs/src/broker/saslAuthenticator/plain';
}

declare module 'kafkajs/src/broker/saslAuthenticator/oauthBearer' {
  import { type AuthenticationProviderArgs, type Authenticator } from 'kafkajs';
  function provider(sasl: {
    readonly oauthBearerProvider: () => Promise<{ readonly value: string }>;
  }): (args: AuthenticationProviderArgs) => Authenticator;
  export = provider;
}
