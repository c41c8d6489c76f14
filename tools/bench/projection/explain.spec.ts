import { foldPartitions } from './explain';

describe('a plan for people', () => {
  it('shows once what is done in each partition', () => {
    const plan = [
      'Append (actual time=0.05..0.06 rows=1 loops=1)',
      '  ->  Index Scan using messages_2026_10_pkey on messages_2026_10 messages_1 (actual time=0.02..0.02 rows=0 loops=1)',
      "        Index Cond: (wamid = 'a'::text)",
      '  ->  Index Scan using messages_2026_11_pkey on messages_2026_11 messages_2 (actual time=0.01..0.01 rows=1 loops=1)',
      "        Index Cond: (wamid = 'a'::text)",
      '  ->  Seq Scan on messages_2026_12 messages_3 (actual time=0.01..0.01 rows=0 loops=1)',
      'Execution Time: 0.1 ms',
    ];
    expect(foldPartitions(plan)).toEqual([plan[0], `${plan[1]} · and 1 more`, plan[2], plan[5], plan[6]]);
  });
});
