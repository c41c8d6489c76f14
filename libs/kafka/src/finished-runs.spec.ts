import { decodeRuns, encodeRuns } from './finished-runs';

describe('the finished runs in the metadata of a commit', () => {
  it('keeps, of what does not fit, the runs nearest to the floor', () => {
    const runs = Array.from({ length: 2000 }, (_, index) => ({ from: 11 + 3 * index, to: 12 + 3 * index }));
    const metadata = encodeRuns(10, runs);
    expect(metadata.length).toBeLessThanOrEqual(4096);
    expect(decodeRuns(10, metadata)).toEqual(runs.slice(0, 1023));
  });

  it.each([
    '',
    'abc',
    'done:',
    'done:1',
    'done:1,2,3',
    'done:0,1',
    'done:1,0',
    'done:1,2,',
    'done:1,-2',
    'done:1,zzzzzzzzzzz',
    ' done:1,2',
  ])('are none when it says %p', (metadata) => {
    expect(decodeRuns(10, metadata)).toEqual([]);
  });
});
