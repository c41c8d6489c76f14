/** Those that are hurt: two of each. */
export const apps = ['ingestion', 'processor', 'dispatcher'] as const;
export const processNames = [
  'ingestion',
  'ingestion-2',
  'processor',
  'processor-2',
  'dispatcher',
  'dispatcher-2',
] as const;
export type ProcessName = (typeof processNames)[number];

/** Who has a way of its own to each broker. The brokers themselves have one, too. */
export const kafkaClients = [...processNames, 'brokers'];
