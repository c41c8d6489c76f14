import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { dashboards } from './dashboards';
import { dashboardFiles, ops } from './files';
import { grafanaOf } from './grafana';

it('are the files in ops/grafana/dashboards (UPDATE_DOCS=1 rewrites them)', () => {
  const files = dashboards.map(
    (dashboard) => [ops('grafana/dashboards', `${dashboard.uid}.json`), grafanaOf(dashboard)] as const,
  );
  if (process.env.UPDATE_DOCS === '1')
    for (const [file, dashboard] of files) writeFileSync(file, `${JSON.stringify(dashboard, null, 2)}\n`);
  for (const [file, dashboard] of files) expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(dashboard);
  expect(dashboardFiles().map((file) => basename(file))).toEqual(
    dashboards.map(({ uid }) => `${uid}.json`).sort(),
  );
});

it('leave no two panels in the same place', () => {
  for (const dashboard of dashboards) {
    type Placed = { gridPos: { x: number; y: number; w: number; h: number } };
    const cells = (grafanaOf(dashboard).panels as Placed[]).flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)}/${y + Math.floor(cell / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(cells.filter((cell) => Number.parseInt(cell) >= 24)).toEqual([]);
  }
});
