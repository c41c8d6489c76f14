import { certificates, type Environment, integer, postgresUrl } from '@talaria/config';

/** The variables of every process that talks to Postgres. */
export const databaseSettings = {
  DATABASE_URL: postgresUrl({
    desc: 'the database, like postgres://user:password@postgres:5432/talaria?sslmode=verify-full',
  }),
  DATABASE_SSL_CA: certificates({
    default: undefined,
    desc: "certificates in PEM, one of which has signed the database's; by default those that Node knows. Mostly given as DATABASE_SSL_CA_FILE",
  }),
  DATABASE_POOL_SIZE: integer(1, 500)({ default: 10, desc: 'how many connections this process may hold' }),
};

export type DatabaseConfig = Environment<typeof databaseSettings>;
