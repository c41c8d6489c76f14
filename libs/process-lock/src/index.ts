export * from './lock';
export * from './process-identity';
