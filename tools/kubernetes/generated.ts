import { readFileSync } from 'node:fs';
import { access, aclsOf, topics } from '@talaria/contracts';
import { topicConfig } from '@talaria/kafka';
import { parse, stringify } from 'yaml';
import { ruleFiles } from '../monitoring/files';

/** Manifests that say in the words of an operator what is declared elsewhere. */

const REPLICATION = 3;
const partOf = { 'app.kubernetes.io/part-of': 'talaria' };
const ofStrimzi = { ...partOf, 'strimzi.io/cluster': 'talaria' };

/** Numbers are written as such: Kafka's settings are texts, and Strimzi takes both. */
const settingOf = (value: string): string | number | boolean =>
  /^-?\d+$/.test(value) ? Number(value) : value === 'true' || value === 'false' ? value === 'true' : value;

const kafkaTopics = () =>
  Object.values(topics).map((topic) => ({
    apiVersion: 'kafka.strimzi.io/v1',
    kind: 'KafkaTopic',
    metadata: { name: topic.name, labels: ofStrimzi },
    spec: {
      partitions: topic.partitions,
      replicas: REPLICATION,
      config: Object.fromEntries(
        Object.entries(topicConfig(topic, REPLICATION)).map(([name, value]) => [name, settingOf(value)]),
      ),
    },
  }));

/** `topics apply` has no user here: the operator makes the topics. */
const kafkaUsers = () =>
  [access.ingestion, access.processor, access.dispatcher, access.operator].map((of) => ({
    apiVersion: 'kafka.strimzi.io/v1',
    kind: 'KafkaUser',
    metadata: { name: of.principal, labels: ofStrimzi },
    spec: {
      authentication: { type: 'scram-sha-512' },
      authorization: {
        type: 'simple',
        acls: aclsOf(of, '').map(({ resource: { type, name, pattern }, operations }) => ({
          resource: { type, name, patternType: pattern === 'prefixed' ? 'prefix' : pattern },
          operations,
        })),
      },
    },
  }));

const prometheusRules = () => [
  {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: {
      name: 'talaria',
      // What the Prometheus of kube-prometheus looks for; with another one, change them in an overlay.
      labels: { ...partOf, prometheus: 'k8s', role: 'alert-rules' },
    },
    spec: {
      groups: ruleFiles().flatMap(
        (file) => (parse(readFileSync(file, 'utf8')) as { groups: unknown[] }).groups,
      ),
    },
  },
];

const made = (from: string, manifests: readonly unknown[]) =>
  [`# Made from ${from}: UPDATE_DOCS=1 npx jest --selectProjects unit --testPathPatterns tools/deployment\n`]
    .concat(manifests.map((manifest) => stringify(manifest, { lineWidth: 0 })).join('---\n'))
    .join('');

/** Each file below k8s/ that is made, with what it has to hold. */
export const generatedFiles: Readonly<Record<string, () => string>> = {
  'components/strimzi/topics.yaml': () => made('libs/contracts/src/topics.ts', kafkaTopics()),
  'components/strimzi/users.yaml': () => made('libs/contracts/src/access.ts', kafkaUsers()),
  'components/prometheus-operator/rules.yaml': () => made('ops/prometheus/rules', prometheusRules()),
};
