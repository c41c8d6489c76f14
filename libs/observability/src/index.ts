export * from './health';
export * from './logger';
export * from './metrics';
export * from './read-every';
export * from './run-process';
export * from './spans';
