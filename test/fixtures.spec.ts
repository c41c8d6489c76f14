import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../tools/stack/repository';
import { query } from '../tools/platform/database';
import { type Platform } from '../tools/platform/platform';
import { eventually, testPlatform } from './kit';

const own = join(repositoryRoot(), 'test/fixtures/webhooks');
// Bodies that public projects recorded. They are not part of this repository: the folder is named by a variable.
const recorded = process.env.TALARIA_WEBHOOK_FIXTURES ?? '';
const TIMES = 3;

type Fields = Record<string, unknown>;
type Body = {
  object?: string;
  entry: { id: string; time?: number; changes: { field: string; value: Fields }[] }[];
};
type Item = {
  kind: 'message' | 'status' | 'change';
  wabaId: string;
  field: string;
  number: string;
  content: Fields;
};

const itemArrays: Readonly<Record<string, Item['kind']>> = {
  messages: 'message',
  message_echoes: 'message',
  statuses: 'status',
  user_preferences: 'change',
  user_id_update: 'change',
};

/** Different recordings share ids: each body gets ids of its own, as they are different messages. All other bytes stay. */
function withOwnIds(text: string, index: number): string {
  const ids = new Set(
    itemsOf(JSON.parse(text) as Body).flatMap(({ kind, content }) =>
      kind === 'change' && content.id === undefined ? [] : [String(content.id)],
    ),
  );
  return [...ids].reduce((changed, id) => changed.replaceAll(`"${id}"`, `"${id}.${index}"`), text);
}

function itemsOf(body: Body): Item[] {
  return body.entry.flatMap(({ id: wabaId, changes }) =>
    changes.flatMap((change) => {
      const { field, value } = change;
      const number = (value.metadata as { phone_number_id?: string } | undefined)?.phone_number_id ?? '';
      const items = Object.entries(itemArrays).flatMap(([array, kind]) =>
        ((value[array] as Fields[] | undefined) ?? []).map((content) => ({
          // The status of a call is no message's.
          kind: String(content.id).startsWith('wacid.') ? ('change' as const) : kind,
          wabaId,
          field,
          number,
          content,
        })),
      );
      return items.length > 0 ? items : [{ kind: 'change' as const, wabaId, field, number, content: change }];
    }),
  );
}

/** Every `.json` below a folder: one body, or several by the name of a scenario. */
function readBodies(folder: string): { text: string; items: Item[] }[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.json'))
    .sort()
    .flatMap((file) => {
      const text = readFileSync(join(folder, file), 'utf8');
      const json = JSON.parse(text) as Body | Record<string, Body>;
      return Array.isArray((json as Body).entry)
        ? [text]
        : Object.values(json).map((body) => JSON.stringify(body));
    })
    .map(withOwnIds)
    .map((text) => ({ text, items: itemsOf(JSON.parse(text) as Body) }));
}

/** The same order for the same seed. */
function shuffled<T>(items: readonly T[], seed: number): T[] {
  const rest = [...items];
  let state = seed;
  return items.map(() => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return rest.splice(state % rest.length, 1)[0] as T;
  });
}

describe.each([
  ['our own', own],
  ['recorded by others (TALARIA_WEBHOOK_FIXTURES names their folder)', recorded],
])('webhooks, %s', (_, folder) => {
  // Without a folder there is nothing to post: said, not hidden.
  const test = folder === '' ? it.skip : it;
  let platform: Platform | undefined;

  afterAll(() => platform?.stop(), 60_000);

  test('are accepted, and every item is found exactly once, though each body came three times and in any order', async () => {
    const bodies = readBodies(folder);
    expect(bodies.length).toBeGreaterThan(50);
    platform = await testPlatform('fixtures');
    const posts = shuffled(Array.from({ length: TIMES }, () => bodies).flat(), 42);
    for (const { text } of posts) expect(await platform.simulator.deliver(text)).toBe(200);

    const items = bodies.flatMap(({ items: some }) => some);
    const { databaseUrl } = platform;
    const stored = await eventually(async () => {
      const rows = await storedItems(databaseUrl);
      expect(rows.length).toBeGreaterThanOrEqual(items.length);
      return rows;
    }, 60_000);
    const written = (all: readonly unknown[]) => all.map((one) => JSON.stringify(one)).sort();
    expect(written(stored)).toEqual(written(items.map(identity)));
  }, 180_000);
});

type Stored = { kind: string; wabaId: string | null; number: string | null; content: unknown };

function identity({ kind, wabaId, number, content }: Item): Stored {
  return { kind, wabaId, number: number === '' ? null : number, content };
}

/** Every item in the read model, whatever table it is in. */
async function storedItems(databaseUrl: string): Promise<Stored[]> {
  const rows = await query<{ kind: string; waba_id: string | null; number: string | null; item: Buffer }>(
    databaseUrl,
    `SELECT 'message' AS kind, waba_id, phone_number_id AS number, item FROM messages WHERE item IS NOT NULL
     UNION ALL SELECT 'status', waba_id, phone_number_id, item FROM message_statuses
     UNION ALL SELECT 'change', waba_id, phone_number_id, item FROM account_changes
     UNION ALL SELECT 'unknown', NULL, NULL, item FROM unknown_items`,
  );
  return rows.map(({ kind, waba_id: wabaId, number, item }) => ({
    kind,
    wabaId,
    number,
    content: JSON.parse(item.toString()) as unknown,
  }));
}
