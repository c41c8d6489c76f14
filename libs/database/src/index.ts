export { type DatabaseAddress, tlsFault } from './address';
export * from './arrays';
export * from './data-source';
export * from './entities/ledger.entities';
export * from './entities/registry.entities';
export * from './erasure/erasures';
export * from './errors';
export * from './listen';
export * from './migrate';
export * from './projection/compare-projections';
export * from './projection/create-projection';
export * from './projection/list-projections';
export * from './projection/projection-progress';
export * from './projection/schema-of';
export {
  holdCheckpoints,
  NotPromotedError,
  planPromotion,
  planRollBack,
  promoteProjection,
  type PromoteOptions,
  type Promotion,
  rollBackProjection,
} from './projection/promote-projection';
export * from './projection/retain-months';
export { beginRebuild, dropProjection } from './projection/versions';
export * from './registry-changes';
export { type Granted, grantRights, type Roles, UnfitRolesError } from './rights/grant-rights';
export { type User, users } from './rights/matrix';
export * from './settings';
export * from './transaction';
export * from './watch';
export * from './watch-answers';
