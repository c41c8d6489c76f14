/** As much of Grafana's dashboard model as our dashboards need. */

type Unit = 'short' | 's' | 'bytes' | 'percentunit' | 'reqps' | 'cpm' | 'dtdurations';

export type Query = {
  readonly expr: string;
  /** Of Prometheus' labels, like `{{outcome}}`. */
  readonly legend?: string;
};

export type Panel = {
  readonly title: string;
  /** For whoever has not read the code. */
  readonly about?: string;
  readonly kind: 'timeseries' | 'stat' | 'table';
  readonly unit: Unit;
  readonly queries: readonly Query[];
  /** Above it the figure is shown in red. */
  readonly limit?: number;
};

export type Dashboard = {
  readonly uid: string;
  readonly title: string;
  readonly about: string;
  /** Each with a heading. */
  readonly rows: readonly { readonly title: string; readonly panels: readonly Panel[] }[];
};

const datasource = { type: 'prometheus', uid: '${datasource}' };
const WIDTH = 24;

/** What Grafana reads: nothing in it but the data source is left to choose, so that every query can be asked as it is. */
export function grafanaOf({ uid, title, about, rows }: Dashboard) {
  return {
    uid,
    title,
    description: about,
    tags: ['talaria'],
    schemaVersion: 39,
    editable: false,
    graphTooltip: 1,
    time: { from: 'now-6h', to: 'now' },
    refresh: '30s',
    links: [{ type: 'dashboards', title: 'Talaria', tags: ['talaria'], asDropdown: true, keepTime: true }],
    templating: {
      list: [{ name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' }],
    },
    panels: placed(rows),
  };
}

/** Figures in one line, four of them side by side; below it graphs and tables, three side by side. */
function placed(rows: Dashboard['rows']): object[] {
  const panels: object[] = [];
  let y = 0;
  const place = (some: readonly Panel[], columns: number, h: number) => {
    const w = WIDTH / Math.min(columns, Math.max(some.length, 2));
    for (const [index, panel] of some.entries()) {
      const row = Math.floor((index * w) / WIDTH);
      panels.push(grafanaPanelOf(panel, { x: (index * w) % WIDTH, y: y + row * h, w, h }));
    }
    y += Math.ceil((some.length * w) / WIDTH) * h;
  };
  for (const { title, panels: some } of rows) {
    panels.push({ type: 'row', title, collapsed: false, gridPos: { x: 0, y, w: WIDTH, h: 1 }, panels: [] });
    y += 1;
    const isFigure = ({ kind }: Panel) => kind === 'stat';
    place(some.filter(isFigure), 4, 4);
    place(
      some.filter((panel) => !isFigure(panel)),
      3,
      8,
    );
  }
  return panels.map((panel, index) => ({ id: index + 1, ...panel }));
}

function grafanaPanelOf({ title, about, kind, unit, queries, limit }: Panel, gridPos: object): object {
  const steps = [
    { color: 'green', value: null },
    ...(limit === undefined ? [] : [{ color: 'red', value: limit }]),
  ];
  const isTable = kind === 'table';
  return {
    type: kind,
    title,
    ...(about !== undefined && { description: about }),
    gridPos,
    datasource,
    fieldConfig: {
      defaults: { unit, min: 0, thresholds: { mode: 'absolute', steps } },
      overrides: [],
    },
    options: optionsOf(kind),
    targets: queries.map(({ expr, legend }, index) => ({
      refId: String.fromCharCode(65 + index),
      datasource,
      expr,
      ...(legend !== undefined && { legendFormat: legend }),
      ...(isTable && { format: 'table', instant: true }),
    })),
    ...(isTable && {
      transformations: [{ id: 'organize', options: { excludeByName: { Time: true, __name__: true } } }],
    }),
  };
}

function optionsOf(kind: Panel['kind']): object {
  if (kind === 'stat')
    return { colorMode: 'value', graphMode: 'area', reduceOptions: { calcs: ['lastNotNull'] } };
  if (kind === 'table') return { showHeader: true };
  return {
    legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
    tooltip: { mode: 'multi', sort: 'desc' },
  };
}
