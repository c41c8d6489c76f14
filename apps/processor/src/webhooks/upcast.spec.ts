import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { translate } from '../../testing/model';
import { aDispatch, aNotification, aRecord, type Notification } from '../../testing/records';
import { joinRows } from './rows';

/** What Meta wrote at one time, or we did, and the rows that it has become ever since. */
type Golden = {
  readonly said: string;
  readonly notification?: Notification;
  readonly headers?: Readonly<Record<string, string>>;
  readonly value?: unknown;
  readonly rows: object;
};

const folder = join(__dirname, '../../testing/golden');
const files = readdirSync(folder).map((name): [string, Golden] => [
  name,
  JSON.parse(readFileSync(join(folder, name), 'utf8')) as Golden,
]);

function recordOf({ notification, headers, value }: Golden) {
  if (notification === undefined) {
    return aDispatch(
      { state: 'accepted' },
      { headers: headers ?? {}, value: Buffer.from(JSON.stringify(value)) },
    );
  }
  // "@123" stands for a number that JSON can write and a double cannot hold.
  const body = JSON.stringify(aNotification(notification)).replace(/"@(\d+)"/g, '$1');
  return aRecord({ value: Buffer.from(body) });
}

/** Dates and JSON in JSON as a file has them. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, one: unknown) => (key === 'told' ? JSON.parse(String(one)) : one)),
  );
}

it.each(files)('%s becomes the same rows as ever', (_, golden) => {
  expect(plain(translate(recordOf(golden)))).toMatchObject(golden.rows);
});

it('the rows of today are those of the older shapes that mean the same', () => {
  const rowsOf = (name: string) => {
    const found = files.filter(([file]) => file === `${name}.json`);
    const { forms, sightings } = joinRows(found.map(([, golden]) => translate(recordOf(golden))));
    return { forms: forms.map(({ item: _, ...form }) => form), sightings };
  };
  expect(rowsOf('changed-number-2023').forms).toHaveLength(1);
  expect(rowsOf('changed-number-2022')).toEqual(rowsOf('changed-number-2023'));
});
