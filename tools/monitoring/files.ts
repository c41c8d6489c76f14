import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { repositoryRoot } from '../stack/repository';

/** What lies in ops/: rules, their cases, dashboards. */

export type Rule = {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
};

export type RuleTest = {
  readonly name: string;
  readonly alert_rule_test: readonly {
    readonly alertname: string;
    readonly exp_alerts: readonly unknown[];
  }[];
  readonly input_series: readonly { readonly series: string }[];
};

export type DashboardFile = {
  readonly uid: string;
  readonly templating: { readonly list: readonly { readonly type: string }[] };
  readonly panels: readonly {
    readonly title: string;
    readonly targets?: readonly { readonly expr: string }[];
  }[];
};

export type NamedQuery = { readonly where: string; readonly expr: string };

export const ops = (...path: string[]) => join(repositoryRoot(), 'ops', ...path);

function filesIn(directory: string, ending: string): string[] {
  const names = readdirSync(directory).filter((name) => name.endsWith(ending));
  return names.sort().map((name) => join(directory, name));
}

export const ruleFiles = () => filesIn(ops('prometheus/rules'), '.rules.yml');
export const testFiles = () => filesIn(ops('prometheus/tests'), '.test.yml');
export const dashboardFiles = () => filesIn(ops('grafana/dashboards'), '.json');

export function readRules(): Rule[] {
  type File = { readonly groups: readonly { readonly rules: readonly Rule[] }[] };
  return ruleFiles().flatMap((file) =>
    (parse(readFileSync(file, 'utf8')) as File).groups.flatMap(({ rules }) => rules),
  );
}

export function readRuleTests(): RuleTest[] {
  type File = { readonly tests: readonly RuleTest[] };
  return testFiles().flatMap((file) => (parse(readFileSync(file, 'utf8')) as File).tests);
}

export const readDashboard = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as DashboardFile;

export function panelQueries(): NamedQuery[] {
  return dashboardFiles().flatMap((file) => {
    const { uid, panels } = readDashboard(file);
    return panels.flatMap(({ title, targets = [] }) =>
      targets.map(({ expr }) => ({ where: `${uid}: ${title}`, expr })),
    );
  });
}

/** Each metric that a query asks for, with its labels, like `talaria_dead_letters_total{cause="decode"}`. */
export function selectorsOf(expr: string): string[] {
  return [...expr.matchAll(/(?<![\w:])[a-z_:][\w:]*(\{[^}]*\})?/g)]
    .map(([selector]) => selector)
    .filter((selector) => /^(\w+:)?talaria_|^(process|nodejs)_/.test(selector));
}
