import { type Environment, integer, postgresUrl } from '@talaria/config';

/** The variables of every process that talks to Postgres. */
export const databaseSettings = {
  DATABASE_URL: postgresUrl({ desc: 'the database, like postgres://user:password@localhost:5432/talaria' }),
  DATABASE_POOL_SIZE: integer(1, 500)({ default: 10, desc: 'how many connections this process may hold' }),
};

export type DatabaseConfig = Environment<typeof databaseSettings>;
