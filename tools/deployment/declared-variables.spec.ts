import { declaredVariables, faultsOf, otherThanDefault, type Program } from './declared-variables';

const kafka = { KAFKA_BROKERS: 'kafka:9092' };
const database = { DATABASE_URL: 'postgres://talaria@postgres/talaria' };

describe('the variables that a program declares', () => {
  it('are told with what is required and what it takes by itself', () => {
    const declared = declaredVariables('dispatcher');
    expect(declared.get('DATABASE_URL')).toMatchObject({ required: true, default: undefined });
    expect(declared.get('GRAPH_API_TIMEOUT')).toMatchObject({ required: false, default: 15_000 });
    expect(declared.get('GRAPH_API_TIMEOUT')?.read('15s')).toBe(15_000);
    expect(declaredVariables('simulator').get('WHATSAPP_APP_SECRET')).toMatchObject({ required: true });
    expect([...declaredVariables('talaria').values()].filter(({ required }) => required)).toEqual([]);
  });
});

describe('an environment', () => {
  it.each<[Program, Record<string, string | undefined>]>([
    [
      'processor',
      { ...kafka, ...database, LOG_LEVEL: 'debug', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://jaeger:4318' },
    ],
    ['processor', { ...kafka, DATABASE_URL_FILE: '/run/secrets/database-url', NODE_OPTIONS: '' }],
    ['dispatcher', { ...kafka, DATABASE_URL: undefined, SECRETS_KEYS_FILE: '/run/secrets/keys' }],
    ['talaria', kafka],
  ])('of %s has no fault', (program, environment) => {
    expect(faultsOf(program, environment)).toEqual([]);
  });

  it.each<[Program, Record<string, string | undefined>, string]>([
    ['processor', kafka, 'processor: DATABASE_URL is missing'],
    ['processor', { ...kafka, ...database, SPOOL_DIR: '/spool' }, 'processor: SPOOL_DIR is not known to it'],
    [
      'processor',
      { ...kafka, ...database, SPOOL_DIR_FILE: '/spool' },
      'processor: SPOOL_DIR_FILE is not known to it',
    ],
    [
      'processor',
      { ...kafka, ...database, METRICS_PORT: '94 64' },
      'processor: METRICS_PORT must be a whole number from 0 to 65535',
    ],
    ['dispatcher', { ...kafka, ...database }, 'dispatcher: SECRETS_KEYS is missing'],
    [
      'ingestion',
      { ...kafka, SPOOL_DIR: '/spool', WHATSAPP_APP_SECRET: undefined },
      expect.stringContaining('ingestion: WHATSAPP_VERIFY_TOKEN is missing') as string,
    ],
  ])('of %s is told its fault', (program, environment, fault) => {
    expect(faultsOf(program, environment)).toEqual([fault]);
  });

  it('tells what it sets otherwise than the program would by itself, however that is written', () => {
    const environment = {
      GRAPH_API_URL: 'http://simulator:3003',
      GRAPH_API_TIMEOUT: '15000ms',
      RETRY_SCHEDULE: '1s 2s 4s 30s 5m 1h',
      PARK_DURATION: '',
      DATABASE_URL: 'postgres://talaria@postgres/talaria',
    };
    expect(otherThanDefault('dispatcher', environment)).toEqual({ GRAPH_API_URL: 'http://simulator:3003' });
  });
});
