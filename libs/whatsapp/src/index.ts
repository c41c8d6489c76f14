export * from './cloud-api.client';
export * from './error-catalogue';
export * from './item-sort';
export { memberBytes } from './json-spans';
export * from './message-limits';
export * from './signature';
export * from './split-notification';
