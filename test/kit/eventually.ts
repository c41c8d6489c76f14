export * from '../../tools/setup/eventually';
