export * from './callback-data';
export * from './cloud-events';
export * from './dead-letter';
export * from './headers';
export * from './keys';
export * from './parse-send-message';
export * from './send-message';
export * from './topics';
