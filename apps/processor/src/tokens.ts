/** What Nest injects that is not a class. */
export const PROJECTION_DEPENDENCIES = Symbol('projection dependencies');
