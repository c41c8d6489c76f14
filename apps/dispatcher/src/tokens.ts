/** What Nest injects that is not a class. */
export const BACKLOG = Symbol('backlog');
export const OUTLET = Symbol('outlet');
export const LOGGER = Symbol('logger');
