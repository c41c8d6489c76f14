export * from './data-source';
export * from './entities/ledger.entities';
export * from './entities/registry.entities';
export * from './errors';
export * from './migrate';
export * from './projection/create-projection';
export * from './settings';
export * from './transaction';
