import { RowLog, ROWS_IN_PAGE } from './row-log';

type Page = { next: number; rows: { seq: number; id: string }[] };

const logOf = (count: number) => {
  const log = new RowLog();
  for (let row = 1; row <= count; row += 1) log.add({ id: `id ${row}` });
  return log;
};
const page = (log: RowLog, after: number) => JSON.parse(log.page('rows', after)) as Page;

describe('RowLog', () => {
  test.each([0, 1, 999, 1000, 1001, 2500, 10_000, 12_345])(
    'gives %d rows back page by page, whatever their number',
    (count) => {
      const log = logOf(count);
      const seen: string[] = [];
      let after = 0;
      for (let rows = page(log, after); rows.rows.length > 0; rows = page(log, after)) {
        expect(rows.rows.length).toBeLessThanOrEqual(ROWS_IN_PAGE);
        seen.push(...rows.rows.map(({ id }) => id));
        after = rows.next;
      }
      expect(seen).toEqual(Array.from({ length: count }, (_, index) => `id ${index + 1}`));
    },
  );

  it('goes on in the middle of a chunk', () => {
    const { next, rows } = page(logOf(2100), 1998);
    expect(next).toBe(2100);
    expect(rows[0]).toEqual({ seq: 1999, id: 'id 1999' });
    expect(rows).toHaveLength(102);
  });

  it('stays where it is beyond the end', () => {
    expect(page(logOf(5), 9)).toEqual({ next: 9, rows: [] });
  });
});
