import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { topics } from '@talaria/contracts';
import { parse } from 'yaml';
import { ops, panelQueries, readRules, ruleFiles, selectorsOf } from '../tools/monitoring/files';
import { query } from '../tools/platform/database';
import { type Platform } from '../tools/platform/platform';
import { Child } from '../tools/stack/child';
import { freePorts } from '../tools/stack/ports';
import { eventually, publish, testDirectories, testPlatform } from './kit';

const programs = ['prometheus', 'prometheus-alertmanager'];
const missing = programs.filter((program) => spawnSync(program, ['--version']).error !== undefined);

const numberOf = (id: number, pausedUntil?: string) => ({
  wabaId: `71200${id}`,
  phoneNumberId: `72200${id}`,
  displayPhoneNumber: `+1 555 012 000${id}`,
  accessToken: 'alerts-token',
  ...(pausedUntil !== undefined && { pausedUntil }),
});
const sending = numberOf(1);
const waiting = numberOf(2, '2099-01-01');
const refused = numberOf(3);

type Sample = {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
};

/** Prometheus and Alertmanager as they are configured in ops/, but for where things are and how often they are looked at. */
async function watch(platform: Platform) {
  const name = `${platform.kafkaPrefix}watch`;
  const { logDirectory, pidDirectory } = testDirectories(name);
  mkdirSync(logDirectory, { recursive: true });
  const [prometheusPort = 0, alertmanagerPort = 0] = await freePorts(2);
  type Config = {
    global: object;
    alerting: object;
    scrape_configs: { job_name: string; static_configs: object[] }[];
  };
  const config = parse(readFileSync(ops('prometheus/prometheus.yml'), 'utf8')) as Config;
  const targets = Object.entries(platform.metricsUrls);
  // JSON is YAML, too.
  const file = join(logDirectory, 'prometheus.json');
  writeFileSync(
    file,
    JSON.stringify({
      ...config,
      global: { ...config.global, scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
      rule_files: ruleFiles(),
      alerting: {
        ...config.alerting,
        alertmanagers: [{ static_configs: [{ targets: [`127.0.0.1:${alertmanagerPort}`] }] }],
      },
      scrape_configs: config.scrape_configs.map((job) => ({
        ...job,
        static_configs: targets
          .filter(([app]) => job.job_name === `talaria-${app}`)
          .map(([, url]) => ({ targets: [new URL(url).host] })),
      })),
    }),
  );
  const start = (command: string, port: number, args: string[]) =>
    new Child({
      name: command,
      command,
      args: [`--web.listen-address=127.0.0.1:${port}`, ...args],
      cwd: logDirectory,
      env: process.env,
      log: join(logDirectory, `${command}.log`),
      pidFile: join(pidDirectory, command),
      stopSignal: 'SIGTERM',
      killSignal: 'SIGKILL',
    });
  const children = [
    start('prometheus-alertmanager', alertmanagerPort, [
      `--config.file=${ops('alertmanager/alertmanager.yml')}`,
      `--storage.path=${join(logDirectory, 'alertmanager')}`,
      '--cluster.listen-address=',
    ]),
    start('prometheus', prometheusPort, [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(logDirectory, 'data')}`,
      // What Alertmanager has missed, because it started later, is told again.
      '--rules.alert.resend-delay=1s',
    ]),
  ];
  const get = async <T>(port: number, path: string): Promise<T> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    const text = await response.text();
    if (!response.ok) throw new Error(`${path} was answered ${response.status}: ${text}`);
    return JSON.parse(text) as T;
  };
  return {
    async ask(expr: string): Promise<readonly Sample[]> {
      const path = `/api/v1/query?query=${encodeURIComponent(expr)}`;
      return (await get<{ data: { result: Sample[] } }>(prometheusPort, path)).data.result;
    },
    alerts: () =>
      get<
        {
          labels: Record<string, string>;
          annotations: Record<string, string>;
          receivers: { name: string }[];
          status: { state: string };
        }[]
      >(alertmanagerPort, '/api/v2/alerts'),
    stop: () => Promise.all(children.map((child) => child.stop())),
  };
}

const onlyWithPrograms = missing.length === 0 ? describe : describe.skip;
const why = missing.length === 0 ? '' : ` (skipped: ${missing.join(' and ')} not installed)`;

onlyWithPrograms(`a Prometheus and an Alertmanager beside the running platform${why}`, () => {
  let platform: Platform;
  let watcher: Awaited<ReturnType<typeof watch>>;

  beforeAll(async () => {
    platform = await testPlatform('alerts');
    watcher = await watch(platform);
    for (const number of [sending, waiting, refused]) await platform.addNumber(number);
    await platform.replaceToken([refused.phoneNumberId], 'a-token-that-meta-does-not-know');
  }, 120_000);

  afterAll(async () => {
    await watcher.stop();
    await platform.stop();
  }, 60_000);

  const send = (number: typeof sending, ids: readonly string[], to = '+4915177700123') =>
    publish(
      platform,
      topics.outbound.name,
      ids.map((id) => {
        const { wabaId, phoneNumberId } = number;
        const command = { id, wabaId, phoneNumberId, to, message: { type: 'text', text: { body: 'hello' } } };
        return { key: wabaId, value: JSON.stringify(command) };
      }),
    );

  it('show that a token was rejected and that there is a dead letter, to those who shall hear of it', async () => {
    const quiet = async () => {
      // Counters are seen at zero before they count.
      expect(await watcher.ask('sum(talaria_graph_api_errors_total{class="auth"})')).toHaveLength(1);
      expect(await watcher.ask('sum(talaria_dead_letters_indexed_total)')).toHaveLength(1);
      const names = (await watcher.alerts()).map(({ labels }) => labels.alertname);
      expect(names).toEqual(['Watchdog']);
    };
    await eventually(quiet, 30_000);
    const unreachable = '+4915177700999';
    await platform.simulator.addFault({ match: { recipient: unreachable }, answer: { code: 131026 } });
    await send(refused, ['alerts-refused']);
    await send(sending, ['alerts-dead'], unreachable);
    const heard = async (alertname: string) => {
      const found = (await watcher.alerts()).find(({ labels }) => labels.alertname === alertname);
      expect(found).toBeDefined();
      return found;
    };
    const [token, letter] = await eventually(
      () => Promise.all([heard('TokenRejected'), heard('DeadLettersGrowing')]),
      30_000,
    );
    expect(token).toMatchObject({
      labels: { alertname: 'TokenRejected', severity: 'critical' },
      annotations: {
        runbook_url: 'https://talaria.example/docs/runbooks/TokenRejected.md',
        dashboard_url: 'https://grafana.example/d/talaria-dispatcher',
      },
      receivers: [{ name: 'page' }],
      status: { state: 'active' },
    });
    expect(Object.keys(token?.labels ?? {}).sort()).toEqual(['alertname', 'severity']);
    expect(letter).toMatchObject({
      labels: { topic: topics.outboundDlq.name, cause: 'permanent', severity: 'warning' },
      receivers: [{ name: 'ticket' }],
    });
  }, 90_000);

  it('find something for every query of every panel and rule', async () => {
    await platform.simulator.startTraffic({
      perSecond: 20,
      senders: 20,
      phoneNumberIds: [sending.phoneNumberId],
    });
    await send(waiting, ['alerts-waits-1', 'alerts-waits-2']);
    await send(
      sending,
      Array.from({ length: 40 }, (_, index) => `alerts-${index}`),
    );
    const isRead = async () => {
      const read = await query(platform.databaseUrl, `SELECT FROM messages WHERE status = 'read'`);
      expect(read.length).toBeGreaterThanOrEqual(40);
    };
    await eventually(isRead, 30_000);
    const panels = panelQueries().map(({ where, expr }) => ({
      where,
      expr: expr.replaceAll('$__rate_interval', '1m'),
    }));
    // What a rule asks for; that it fires is its own matter.
    const asked = readRules().flatMap(({ alert, record = alert ?? '', expr }) =>
      selectorsOf(expr).map((selector) => ({ where: record, expr: selector })),
    );
    const queries = [...panels, ...asked];
    expect(queries.length).toBeGreaterThan(150);
    const empty = async () => {
      const answers = await Promise.all(
        queries.map(async ({ where, expr }) => {
          const samples = await watcher.ask(expr);
          return samples.some(({ value: [, value] }) => value !== 'NaN') ? [] : [`${where}: ${expr}`];
        }),
      );
      expect(answers.flat()).toEqual([]);
    };
    await eventually(empty, 30_000);
  }, 120_000);
});
