import { rememberErasedIds, type Sql } from '@talaria/database';
import { holdsIdentity } from './holds-identity';
import { namesUnnamed, type Person } from './person';
import { type Step, stepOf } from './step';
import { mentions, ofAccount, parametersOf, type VersionTables } from './version-tables';

type Item = { readonly hash: Buffer; readonly item: Buffer; readonly isTheirs: boolean | null };

/** What Meta told of them beside messages, and what names them among others, as imported history. */
export function changesStep(tables: VersionTables, person: Person): Step {
  const isTheirs = `(contact_phone = ANY ($2::text[]) OR contact_user_id = ANY ($2::text[]))`;
  const found = tables.account_changes.map(
    (table) =>
      `SELECT change_hash AS hash, item, ${isTheirs} AS "isTheirs" FROM ${table}
       WHERE ${ofAccount} AND coalesce(changed_at, '-infinity') <= $3 AND (${isTheirs} OR ${mentions('item')})`,
  );
  return stepOf(
    (sql) => findItems(sql, found.join(' UNION ALL '), person),
    async (sql, hashes) => {
      for (const table of tables.account_changes)
        await sql(`DELETE FROM ${table} WHERE waba_id = $1 AND change_hash = ANY ($2::bytea[])`, [
          person.wabaId,
          hashes,
        ]);
      await rememberErasedIds(sql, hashes);
    },
  );
}

/** What nobody could read is of no account but the one that it names. */
export function unknownStep({ schema }: VersionTables, person: Person): Step {
  return stepOf(
    async (sql) => {
      const statement = `SELECT item_hash AS hash, item, NULL::boolean AS "isTheirs" FROM ${schema}.unknown_items
                         WHERE $1::text IS NOT NULL AND seen_at <= $3 AND ${mentions('item')}`;
      return findItems(sql, statement, person, ({ item }) => namesUnnamed(person, [item]));
    },
    async (sql, hashes) => {
      await sql(`DELETE FROM ${schema}.unknown_items WHERE item_hash = ANY ($1::bytea[])`, [hashes]);
      await rememberErasedIds(sql, hashes);
    },
  );
}

async function findItems(
  sql: Sql,
  statement: string,
  person: Person,
  isMeant: (item: Item) => boolean = () => true,
): Promise<Buffer[]> {
  const items = await sql<Item>(statement, parametersOf(person));
  const names = (one: Item) => one.isTheirs === true || holdsIdentity(one.item, person.identities);
  return items.filter((one) => names(one) && isMeant(one)).map(({ hash }) => hash);
}
