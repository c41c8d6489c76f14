export * from './drain-segment';
export { frameHeader } from './frames';
export {
  begunAt,
  listDamaged,
  listSegments,
  readSegment,
  type Segment,
  syncDirectory,
  unlessGone,
} from './segment-files';
export * from './spool';
export * from './spool.metrics';
export * from './spooled-record';
