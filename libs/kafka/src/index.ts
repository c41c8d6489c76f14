export {
  type BatchHandler,
  type GroupConsumer,
  type RecordBatch,
  startConsumer,
  type Taken,
} from './consumer';
export * from './create-kafka';
export * from './kafka-record';
export * from './kafka-transport';
export * from './partition-of';
export * from './settings';
export * from './topic-admin';
export * from './verified-producer';
