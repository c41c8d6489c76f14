export * from './eventually';
export * from './kafka';
export * from './database';
export * from './logger';
export * from './platform';
export * from './trace-receiver';
export * from './own-stack';
