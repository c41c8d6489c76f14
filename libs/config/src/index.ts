export * from './pem';
export * from './read-environment';
export * from './settings';
