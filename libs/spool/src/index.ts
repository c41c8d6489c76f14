export * from './drain-segment';
export { frameHeader } from './frames';
export { begunAt, listDamaged, listSegments, readSegment, type Segment, unlessGone } from './segment-files';
export * from './spool';
export * from './spool.metrics';
export * from './spooled-record';
