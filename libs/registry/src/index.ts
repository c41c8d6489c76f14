export { createKeyProvider, type KeyProvider, UnknownKeyError } from './key-provider';
export * from './keys';
export * from './seal';
export * from './settings';
