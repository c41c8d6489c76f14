export * from './errors';
export * from './topics/topics';
export { type KafkaAccess } from './with-admin';
