/** What Nest injects that is not a class. */
export const INGESTION_CONFIG = Symbol('ingestion config');
export const PRODUCER = Symbol('verified producer');
export const LOGGER = Symbol('logger');
