/** What Nest injects that is not a class. */
export const RECORD_WRITER = Symbol('record writer');
export const LOGGER = Symbol('logger');
export const WEBHOOK_REPORT = Symbol('webhook report');
