/** What Nest injects that is not a class. */
export const INGESTION_CONFIG = Symbol('ingestion config');
export const RECORD_WRITER = Symbol('record writer');
export const LOGGER = Symbol('logger');
