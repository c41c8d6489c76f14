export * from './read-environment';
export * from './settings';
