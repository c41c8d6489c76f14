import { faultOf } from './fault-of';

const env = { DATABASE_URL: 'postgres://ada:secret@db.example:5432/talaria' };

it.each(['Connection terminated due to connection timeout', 'Connection terminated unexpectedly'])(
  'a database that does not answer is unreachable, also when its driver gives no code: %s',
  (message) => {
    expect(faultOf(new Error(message), env)).toEqual({
      code: 4,
      message:
        'The database does not answer at db.example:5432/talaria (no answer): check that it runs, and DATABASE_URL',
    });
  },
);

it('a right that the role does not have is told with whose it is to give', () => {
  const error = Object.assign(new Error('permission denied for table wabas'), { code: '42501' });
  expect(faultOf(error, env)).toEqual({
    code: 1,
    message: expect.stringMatching(
      /may not do this: permission denied for table wabas\..*talaria database grant/,
    ),
  });
});

it('any other error is told as it is', () => {
  expect(faultOf(new Error('why'), env)).toEqual({ code: 1, message: 'why' });
});
