import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AppsCopy, DamagedCopyError, readCopy, writeCopy } from './apps-copy';

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'apps-'))));
afterEach(() => rmSync(directory, { recursive: true }));

const copy: AppsCopy = {
  readAt: Date.parse('2026-11-23T04:05:06.789Z'),
  apps: [
    { appId: '4711', appSecrets: ['t1.one.abc', 't1.one.def'], verifyToken: 't1.one.ghi' },
    { appId: 'second', appSecrets: ['t1.one.jkl'], verifyToken: null },
  ],
};
const file = () => join(directory, 'apps.json');

describe('the copy of the apps', () => {
  it('is read as it was written last, by nobody but its owner, and nothing is left beside it', async () => {
    expect(await readCopy(directory)).toBeUndefined();
    await writeCopy(directory, { readAt: 1, apps: [] });
    writeFileSync(`${file()}.new`, 'x'.repeat(10_000));
    await writeCopy(directory, copy);
    expect(await readCopy(directory)).toEqual(copy);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory)).toEqual(['apps.json']);
  });

  it('is never trusted when it was changed in what it says, cut off, or of another format: it is set aside whole', async () => {
    await writeCopy(directory, copy);
    const whole = readFileSync(file(), 'utf8');
    const damaged = [
      ...Array.from({ length: whole.length - 2 }, (_, length) => whole.slice(0, length)),
      ...['4711', 'abc', '2026', 'null', '"format": 1'].map((part) =>
        whole.replace(part, part.replace(/.$/, '2')),
      ),
      whole.replace('"t1.one.def"', ''),
      'null',
      '[]',
    ];
    for (const text of damaged) {
      writeFileSync(file(), text);
      const error = await readCopy(directory).catch((thrown: unknown) => thrown as Error);
      expect([text, error]).toEqual([text, expect.any(DamagedCopyError)]);
      expect((error as Error).message).toContain(`${file()} is damaged`);
      expect(readdirSync(directory)).toEqual(['apps.json.damaged']);
      expect(readFileSync(`${file()}.damaged`, 'utf8')).toBe(text);
      expect(await readCopy(directory)).toBeUndefined();
    }
  });
});
