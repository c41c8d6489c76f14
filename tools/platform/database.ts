import { randomBytes } from 'node:crypto';
import { createDataSource, grantRights, type Roles, type User, users } from '@talaria/database';
import { Client } from 'pg';

async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  // What ends the connection fails the query; told to nobody besides, it would end the process.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Makes an empty database beside the one that `adminUrl` names. @returns its URL */
export async function createDatabase(adminUrl: string, name: string): Promise<string> {
  await withClient(adminUrl, (client) => client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`));
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  return url.href;
}

export async function dropDatabase(adminUrl: string, url: string): Promise<void> {
  const name = new URL(url).pathname.slice(1);
  await withClient(adminUrl, (client) =>
    client.query(`DROP DATABASE IF EXISTS ${client.escapeIdentifier(name)} WITH (FORCE)`),
  );
}

/**
 * Roles of the database's own for all who work with it, each of which may do what it should. @returns the URL for each
 * @param url of a migrated database, and of a user who owns the tables and may create roles
 */
export async function createRoles(url: string): Promise<Record<User, string>> {
  const roles = rolesOf(url);
  const password = randomBytes(16).toString('hex');
  await withClient(url, async (client) => {
    for (const role of Object.values(roles))
      await client.query(`CREATE ROLE ${client.escapeIdentifier(role)} LOGIN PASSWORD '${password}'`);
  });
  await grantRoles(url);
  const urlOf = (role: string) => Object.assign(new URL(url), { username: role, password }).href;
  return Object.fromEntries(users.map((user) => [user, urlOf(roles[user])])) as Record<User, string>;
}

/** Lets the roles that `createRoles` made do again what they should, in a database of the same name that was made anew and migrated. */
export async function grantRoles(url: string): Promise<void> {
  const dataSource = await createDataSource({ DATABASE_URL: url, DATABASE_POOL_SIZE: 1 }).initialize();
  try {
    await grantRights(dataSource, rolesOf(url));
  } finally {
    await dataSource.destroy();
  }
}

/** When the database is gone. */
export async function dropRoles(adminUrl: string, url: string): Promise<void> {
  await withClient(adminUrl, async (client) => {
    for (const role of Object.values(rolesOf(url)))
      await client.query(`DROP ROLE IF EXISTS ${client.escapeIdentifier(role)}`);
  });
}

function rolesOf(url: string): Roles {
  const name = new URL(url).pathname.slice(1);
  // Postgres cuts names off after 63 bytes.
  return Object.fromEntries(users.map((user) => [user, `${user}_${name}`.slice(0, 63)])) as Roles;
}

/** One query on a connection of its own. */
export async function query<Row extends object>(
  url: string,
  text: string,
  parameters: readonly unknown[] = [],
): Promise<Row[]> {
  return withClient(url, async (client) => (await client.query<Row>(text, [...parameters])).rows);
}
