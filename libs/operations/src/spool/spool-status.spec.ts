import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { frameHeader } from '@talaria/spool';
import { spoolStatus, verifySpool } from './spool-status';

describe('the status of a spool', () => {
  let directory: string;
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'spool-'))));
  afterEach(() => rmSync(directory, { recursive: true }));

  const entry = Buffer.from('an entry');
  const writeSegment = (name: string, ...rest: Buffer[]) =>
    writeFileSync(join(directory, name), Buffer.concat([frameHeader(entry), entry, ...rest]));

  it('counts a segment that was drained meanwhile for nothing', async () => {
    writeSegment('0000000000000001.seg');
    // Is listed and cannot be looked at: what a segment looks like that is removed in between.
    symlinkSync('gone', join(directory, '0000000000000002.seg'));
    expect(await spoolStatus(directory)).toMatchObject({ segments: 1 });
  });

  it('verifies what is there though a segment is drained before it is read', async () => {
    writeSegment('0000000000000001.seg', Buffer.from('damage'));
    writeSegment('0000000000000002.seg');
    writeSegment('0000000000000003.seg');
    const drainSecond = () => rmSync(join(directory, '0000000000000002.seg'));
    expect(await verifySpool(directory, drainSecond)).toMatchObject({ items: 2, damagedBytes: 6 });
  });

  it.each([
    ['of another machine', 'another-machine'],
    ['of a container with the same hostname', hostname()],
  ])('tells of a holder %s', async (_, host) => {
    const owner = { pid: 999_999, host, place: 'elsewhere' };
    writeFileSync(join(directory, 'spool.lock'), JSON.stringify(owner));
    expect(await spoolStatus(directory)).toMatchObject({ heldBy: { pid: 999_999, host } });
  });
});
