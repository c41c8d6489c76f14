import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Command } from 'commander';
import { silentProgram } from '../../apps/cli/testing/silent-program';
import { repositoryRoot } from '../stack/repository';
import { dashboardFiles, panelQueries, readDashboard, readRules, readRuleTests, selectorsOf } from './files';

const root = repositoryRoot();
const rules = readRules();
const tests = readRuleTests();
const alerts = [...new Set(rules.flatMap(({ alert = [] }) => alert))];
const runbooks = readdirSync(join(root, 'docs/runbooks')).filter((name) => name !== 'README.md');
const runbookOf = (alert: string) => readFileSync(join(root, 'docs/runbooks', `${alert}.md`), 'utf8');

/** What is wrong with a command line of `talaria`; undefined: nothing. */
function faultOf(line: string): string | undefined {
  // What is quoted is a value, and behind a pipe or a semicolon another command begins.
  const [own = ''] = line.replaceAll(/"[^"]*"|'[^']*'/g, 'QUOTED').split(/ [|#<>&]|;/);
  const words = own.trim().split(/\s+/).slice(1);
  let command: Command = silentProgram;
  while (command.commands.length > 0) {
    const next = command.commands.find((one) => one.name() === words[0]);
    if (next === undefined) return `${command.name()} has no ${words[0] ?? 'verb left out'}`;
    command = next;
    words.shift();
  }
  const known = command.options.flatMap(({ short, long }) => [short, long]);
  const flag = words.find((word) => word.startsWith('-') && !known.includes(word.split('=')[0]));
  return flag === undefined ? undefined : `${command.name()} has no ${flag}`;
}

const commandsOf = (text: string) => text.match(/(?<=^|`)talaria [^`\n]+/gm) ?? [];

describe.each(alerts)('%s', (alert) => {
  const own = rules.filter((rule) => rule.alert === alert);
  const cases = tests.flatMap(({ alert_rule_test: asked }) =>
    asked.filter(({ alertname }) => alertname === alert),
  );

  it('is named, has a severity, and says what is the matter, what to do and where to look', () => {
    expect(alert).toMatch(/^([A-Z][a-z0-9]+)+$/);
    const uids = dashboardFiles().map((file) => readDashboard(file).uid);
    for (const { labels, annotations = {} } of own) {
      expect(labels?.severity).toMatch(/^(critical|warning|info)$/);
      expect(annotations.summary).not.toMatch(/\{\{|\.$/);
      expect(annotations.description).toMatch(/\.$/);
      expect(annotations.runbook_url).toBe(`{{ $externalLabels.runbooks }}/${alert}.md`);
      const [, uid] =
        /^\{\{ \$externalLabels\.grafana \}\}\/d\/(.+)$/.exec(annotations.dashboard_url ?? '') ?? [];
      expect(uids).toContain(uid);
    }
  });

  it('has a case in which it fires for each severity, and one in which it is quiet', () => {
    const severities = cases.flatMap(({ exp_alerts: expected }) => severitiesOf(expected));
    for (const { labels } of own) expect(severities).toContain(labels?.severity);
    // It is quiet only when Prometheus is.
    if (alert !== 'Watchdog') expect(cases.some(({ exp_alerts: none }) => none.length === 0)).toBe(true);
  });

  it('has a runbook: what it means, where to look, what to do, with commands that exist', () => {
    const text = runbookOf(alert);
    expect(text.match(/^#+ .*$/gm)).toEqual([`# ${alert}`, '## What it means', '## Look here', '## Do this']);
    for (const line of commandsOf(text)) expect([line, faultOf(line)]).toEqual([line, undefined]);
    for (const [, path = ''] of text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g))
      expect([path, existsSync(join(root, 'docs/runbooks', path))]).toEqual([path, true]);
  });
});

function severitiesOf(expected: readonly unknown[]): unknown[] {
  return expected.map((one) => (one as { exp_labels: { severity?: unknown } }).exp_labels.severity);
}

it('has no runbook of an alert that there is not', () => {
  expect(runbooks.map((name) => basename(name, '.md')).sort()).toEqual([...alerts].sort());
});

it('lists every alert in docs/alerts.md, with its severities', () => {
  const page = readFileSync(join(root, 'docs/alerts.md'), 'utf8');
  const rows = [...page.matchAll(/^\| \[`(\w+)`\]\(runbooks\/\1\.md\) +\| ([a-z, ]+?) +\|/gm)];
  const listed = rows.map(([, alert, severities]) => `${alert}: ${severities}`);
  const declared = alerts.map(
    (alert) =>
      `${alert}: ${[
        ...new Set(rules.filter((rule) => rule.alert === alert).map(({ labels }) => labels?.severity)),
      ]
        .sort()
        .join(', ')}`,
  );
  expect(listed.sort()).toEqual(declared.sort());
});

it('finds commands, verbs and flags that there are not', () => {
  expect(
    commandsOf('```sh\ntalaria topics diff\n```\nand `talaria keys status`, but not talaria itself'),
  ).toEqual(['talaria topics diff', 'talaria keys status']);
  expect(
    faultOf('talaria dead-letters redrive --cause exhausted --reason "a -b" | cat --no'),
  ).toBeUndefined();
  expect(faultOf('talaria dead-letters mend')).toBe('dead-letters has no mend');
  expect(faultOf('talaria topics diff --all')).toBe('diff has no --all');
});

describe('metrics', () => {
  const page = readFileSync(join(root, 'docs/reference/metrics.md'), 'utf8');
  const declared = [...page.matchAll(/^\| `(talaria_\w+)` +\| (\w+)/gm)].flatMap(([, name = '', kind]) =>
    kind === 'histogram' ? ['bucket', 'sum', 'count'].map((part) => `${name}_${part}`) : [name],
  );
  const recorded = rules.flatMap(({ record = [] }) => record);
  const unknownIn = (expr: string) =>
    selectorsOf(expr)
      .map((selector) => selector.split('{')[0])
      .filter((name) => name?.includes('talaria') === true && ![...declared, ...recorded].includes(name));

  it.each([
    ['rules', () => rules.map(({ expr }) => expr)],
    ['their cases', () => tests.flatMap(({ input_series: given }) => given.map(({ series }) => series))],
    ['dashboards', () => panelQueries().map(({ expr }) => expr)],
  ])('of %s are declared by the code', (_, exprs) => {
    expect(exprs()).not.toEqual([]);
    expect(exprs().flatMap(unknownIn)).toEqual([]);
  });

  it('that are not are found, however they are asked for', () => {
    expect(declared).toContain('talaria_webhook_duration_seconds_bucket');
    expect(
      unknownIn(
        'sum(rate(talaria_no_such_total{a="b"}[5m])) / talaria_spool_bytes + namespace:talaria_none:sum + talaria_webhook_duration_seconds',
      ),
    ).toEqual(['talaria_no_such_total', 'namespace:talaria_none:sum', 'talaria_webhook_duration_seconds']);
  });
});

describe.each(dashboardFiles())('%s', (file) => {
  it('has a name that lasts, and nothing to choose but the data source', () => {
    const { uid, templating } = readDashboard(file);
    expect(uid).toBe(basename(file, '.json'));
    expect(templating.list.map(({ type }) => type)).toEqual(['datasource']);
    const text = readFileSync(file, 'utf8').replaceAll(/\$__rate_interval|\$\{datasource\}/g, '');
    expect(text).not.toContain('$');
  });
});
