import { QueryRunnerAlreadyReleasedError } from 'typeorm';
import { classifyDatabaseError } from './errors';

const withCode = (code: unknown) => Object.assign(new Error('x'), { code });

it.each([
  [
    'unavailable',
    ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH'],
  ],
  [
    'unavailable',
    [
      '08006',
      '53300',
      '53100',
      '57P01',
      '57P02',
      '57P03',
      '57014',
      '58030',
      '55000',
      '55P03',
      '25P03',
      '25006',
    ],
  ],
  [
    'unavailable',
    [
      'CERT_HAS_EXPIRED',
      'ERR_TLS_CERT_ALTNAME_INVALID',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'SELF_SIGNED_CERT_IN_CHAIN',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
    ],
  ],
  ['conflict', ['40001', '40P01']],
  ['data', ['22P02', '22021', '22003', '23502', '23505', '23514', '54000']],
  [
    'bug',
    [
      '42P01',
      '42703',
      '28P01',
      '3D000',
      'P0001',
      'XX000',
      'ERR_INVALID_ARG_TYPE',
      '22',
      '2300000',
      22,
      54,
      '',
    ],
  ],
])('%s: %j', (fault, codes) => {
  for (const code of codes) expect([code, classifyDatabaseError(withCode(code))]).toEqual([code, fault]);
});

it.each<[string, string, unknown]>([
  ['unavailable', 'a connection that broke', new Error('Connection terminated unexpectedly')],
  ['unavailable', 'a pool that is used up', new Error('timeout exceeded when trying to connect')],
  [
    'unavailable',
    'a client that broke',
    new Error('Client has encountered a connection error and is not queryable'),
  ],
  ['unavailable', 'a connection that broke in a transaction', new QueryRunnerAlreadyReleasedError()],
  ['bug', 'a mistake of ours', new TypeError('x is not a function')],
  ['bug', 'nothing', undefined],
  ['bug', 'null', null],
  ['bug', 'a text', 'thrown text'],
])('%s: %s', (fault, _, error) => {
  expect(classifyDatabaseError(error)).toBe(fault);
});
