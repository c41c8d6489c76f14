import { gaugeOf } from '@talaria/observability';

export const showConnections = gaugeOf(
  'talaria_database_connections',
  'Connections of the pools of this process; waiting: statements for which none is free',
  { state: ['total', 'idle', 'waiting'] },
);
