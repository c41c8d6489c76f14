import { type DataSource } from 'typeorm';
import { schemaOf } from '../projection/schema-of';
import { inTransaction, type Sql } from '../transaction';
import {
  functionRights,
  projectionRights,
  projectionUsers,
  publicRights,
  type Rights,
  type User,
  users,
} from './matrix';

/** The role of each user of the database. */
export type Roles = Readonly<Record<User, string>>;

/** What a role may do: like `talaria_reader: SELECT on public.messages`. */
type Right = string;

export type Granted = {
  readonly granted: readonly Right[];
  readonly revoked: readonly Right[];
  /** What others than the owner of the tables have to do, as SQL. */
  readonly left: readonly string[];
};

/** Roles are missing, or may do everything whatever is granted. The message says what to do. */
export class UnfitRolesError extends Error {
  override name = 'UnfitRolesError';
}

/**
 * Lets each role do what the matrix says and nothing else with what is ours, and remembers the roles: what migrations and new projection versions
 * add is granted with them. To be done as the owner of the tables; again it changes nothing.
 * @throws {UnfitRolesError}
 */
export async function grantRights(
  dataSource: DataSource,
  roles: Roles,
  { dryRun = false }: { readonly dryRun?: boolean } = {},
): Promise<Granted> {
  let result: Granted | undefined;
  const dryRunEnds = new Error('nothing is to be changed');
  try {
    await inTransaction(dataSource, async (sql) => {
      await refuseUnfit(sql, roles);
      // Whoever makes or grants something meanwhile would not be noticed.
      await sql('LOCK TABLE public.user_roles, public.projections IN SHARE ROW EXCLUSIVE MODE');
      const before = await readRights(sql, roles);
      await sql('DELETE FROM public.user_roles');
      await sql('INSERT INTO public.user_roles SELECT * FROM unnest($1::text[], $2::text[])', [
        users,
        users.map((user) => roles[user]),
      ]);
      await applyRights(sql, roles);
      const after = await readRights(sql, roles);
      result = {
        granted: [...after].filter((right) => !before.has(right)),
        revoked: [...before].filter((right) => !after.has(right)),
        left: await readLeft(sql, roles),
      };
      if (dryRun) throw dryRunEnds;
    });
  } catch (error) {
    if (error !== dryRunEnds) throw error;
  }
  if (result === undefined) throw new Error('the transaction has not run');
  return result;
}

/** Grants anew what the roles that are remembered should have, after the schema has changed. Meant for the transaction of the change. */
export async function renewRights(sql: Sql): Promise<void> {
  const roles = await readRoles(sql);
  if (Object.keys(roles).length > 0) await applyRights(sql, roles);
}

/** The same for what belongs to one projection version. */
export async function renewProjectionRights(sql: Sql, version: number): Promise<void> {
  for (const grant of projectionGrants(await readRoles(sql), version)) await sql(grant);
}

/** The same for views of `public` that were made anew. */
export async function renewViewRights(sql: Sql, names: readonly string[]): Promise<void> {
  const roles = await readRoles(sql);
  for (const name of names)
    for (const grant of grantsOf(roles, `TABLE public.${name}`, publicRights[name] ?? {})) await sql(grant);
}

/** Of those that are still there: a backup may have come to other roles. */
async function readRoles(sql: Sql): Promise<Partial<Roles>> {
  const rows = await sql<{ name: string; role: string }>(
    'SELECT u.name, u.role FROM public.user_roles u JOIN pg_roles ON rolname = u.role',
  );
  return Object.fromEntries(rows.map(({ name, role }) => [name, role]));
}

async function applyRights(sql: Sql, roles: Partial<Roles>): Promise<void> {
  const versions = (
    await sql<{ version: number }>('SELECT version FROM public.projections ORDER BY version')
  ).map(({ version }) => version);
  const schemas = ['public', ...versions.map(schemaOf)];
  const names = [...new Set(Object.values(roles))].map(quote);
  await revokeAll(sql, schemas, ['PUBLIC', ...names]);
  await sql(`REVOKE ALL ON SCHEMA ${schemas.join(', ')} FROM ${names.join(', ')}`);
  await sql(`GRANT USAGE ON SCHEMA public TO ${names.join(', ')}`);
  for (const [name, rights] of Object.entries(publicRights))
    for (const grant of grantsOf(roles, `TABLE public.${name}`, rights)) await sql(grant);
  for (const [name, rights] of Object.entries(functionRights))
    for (const grant of grantsOf(roles, `FUNCTION public.${name}`, rights)) await sql(grant);
  for (const version of versions) for (const grant of projectionGrants(roles, version)) await sql(grant);
}

/** Of what is ours; others may have something of theirs in the schema. */
async function revokeAll(sql: Sql, schemas: readonly string[], from: readonly string[]): Promise<void> {
  const rows = await sql<{ kind: string; names: string }>(
    `SELECT 'TABLE' AS kind, string_agg(oid::regclass::text, ', ') AS names FROM pg_class
     WHERE relnamespace = ANY ($1::text[]::regnamespace[]) AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND pg_has_role(relowner, 'USAGE')
     UNION ALL
     SELECT 'FUNCTION', string_agg(oid::regprocedure::text, ', ') FROM pg_proc
     WHERE pronamespace = ANY ($1::text[]::regnamespace[]) AND pg_has_role(proowner, 'USAGE')`,
    [schemas],
  );
  for (const { kind, names } of rows) await sql(`REVOKE ALL ON ${kind} ${names} FROM ${from.join(', ')}`);
}

function projectionGrants(roles: Partial<Roles>, version: number): string[] {
  const schema = schemaOf(version);
  const usage = Object.fromEntries(projectionUsers.map((user) => [user, 'USAGE']));
  return [
    ...grantsOf(roles, `SCHEMA ${schema}`, usage),
    ...Object.entries(projectionRights).flatMap(([name, rights]) =>
      grantsOf(roles, `TABLE ${schema}.${name}`, rights),
    ),
  ];
}

function grantsOf(roles: Partial<Roles>, object: string, rights: Rights): string[] {
  return Object.entries(rights).flatMap(([user, right]) => {
    const role = roles[user as User];
    return role === undefined ? [] : [`GRANT ${right} ON ${object} TO ${quote(role)}`];
  });
}

async function refuseUnfit(sql: Sql, roles: Roles): Promise<void> {
  const rows = await sql<{ name: string; isThere: boolean; isMighty: boolean }>(
    `SELECT name, r.oid IS NOT NULL AS "isThere",
            coalesce(r.rolsuper OR pg_has_role(r.oid, (SELECT relowner FROM pg_class WHERE oid = 'public.apps'::regclass), 'MEMBER'), false) AS "isMighty"
     FROM unnest($1::text[]) AS name LEFT JOIN pg_roles r ON rolname = name`,
    [[...new Set(Object.values(roles))]],
  );
  const missing = rows.filter(({ isThere }) => !isThere);
  if (missing.length > 0)
    throw new UnfitRolesError(
      [
        'these roles are missing. Nothing was changed. As a user who may create roles, run',
        ...missing.map(({ name }) => `  CREATE ROLE ${quote(name)} LOGIN PASSWORD '…';`),
        'or name others that are there: talaria database grant --help',
      ].join('\n'),
    );
  const mighty = rows.filter(({ isMighty }) => isMighty);
  if (mighty.length > 0)
    throw new UnfitRolesError(
      `${mighty.map(({ name }) => name).join(', ')} may do everything, as a superuser or the owner of the tables: name another role. Nothing was changed`,
    );
}

/** As the catalogue has it, of the roles and of everybody. */
async function readRights(sql: Sql, roles: Roles): Promise<Set<Right>> {
  const rows = await sql<{ is: string }>(
    `WITH acls AS (
       SELECT oid::regclass::text AS object, relacl AS acl FROM pg_class WHERE relkind <> 'S'
       UNION ALL
       SELECT format('%s (%s)', attrelid::regclass, attname), attacl FROM pg_attribute WHERE attacl IS NOT NULL
       UNION ALL
       SELECT oid::regprocedure::text, coalesce(proacl, acldefault('f', proowner)) FROM pg_proc
       WHERE pronamespace = 'public'::regnamespace AND pg_has_role(proowner, 'USAGE')
       UNION ALL
       SELECT 'schema ' || nspname, nspacl FROM pg_namespace)
     SELECT DISTINCT concat(coalesce(rolname, 'PUBLIC'), ': ', privilege_type, ' on ', object) AS is
     FROM acls, aclexplode(acl) LEFT JOIN pg_roles ON pg_roles.oid = grantee
     WHERE rolname = ANY ($1) OR grantee = 0 AND object NOT LIKE 'pg\\_%' AND object !~ '^(information_schema|schema (pg_|information_schema))'
     ORDER BY 1`,
    [Object.values(roles)],
  );
  return new Set(rows.map(({ is }) => is));
}

/** What is not the tables' owner's to take away. */
async function readLeft(sql: Sql, roles: Roles): Promise<string[]> {
  const rows = await sql<{ statement: string }>(
    `SELECT DISTINCT statement FROM unnest($1::text[]) AS role CROSS JOIN LATERAL (
       SELECT 'REVOKE CREATE ON SCHEMA public FROM PUBLIC;' AS statement WHERE has_schema_privilege(role, 'public', 'CREATE')
       UNION ALL
       SELECT format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC, %I;', current_database(), role)
       WHERE has_database_privilege(role, current_database(), 'CREATE, TEMPORARY')) AS found
     ORDER BY 1`,
    [Object.values(roles)],
  );
  return rows.map(({ statement }) => statement);
}

/** A name in SQL. */
function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
