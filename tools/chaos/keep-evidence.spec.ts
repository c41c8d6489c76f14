import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keepEvidence } from './keep-evidence';

describe('evidence', () => {
  const folder = mkdtempSync(join(tmpdir(), 'talaria-evidence-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const read = (name: string) =>
    readFileSync(join(folder, name), 'utf8')
      .split('\n')
      .flatMap((line) => (line === '' ? [] : [JSON.parse(line) as unknown]));

  it('is kept line by line, sets and maps as lists, in place of what was there', () => {
    keepEvidence(folder, { inbound: { old: [1] } });
    const rows = Array.from({ length: 30_000 }, (_, id) => ({
      id,
      ids: new Set([id]),
      text: 'x'.repeat(50),
    }));
    keepEvidence(folder, { inbound: { rows }, outbound: { at: new Map([['a', 1]]), lookedForMs: 5 } });
    expect(read('inbound/rows.jsonl')).toEqual(rows.map((row) => ({ ...row, ids: [row.id] })));
    expect(read('outbound/at.jsonl')).toEqual([['a', 1]]);
    expect(read('outbound/lookedForMs.jsonl')).toEqual([5]);
    expect(() => read('inbound/old.jsonl')).toThrow('ENOENT');
  });
});
