import { topics } from '@talaria/contracts';

/** Which letters are meant: those to which all of it applies. Times are ISO 8601, from `since` to before `until`. */
export type LetterFilter = {
  readonly ids?: readonly number[];
  readonly topic?: keyof typeof letterTopics;
  readonly cause?: string;
  readonly code?: number;
  readonly waba?: string;
  readonly number?: string;
  readonly campaign?: string;
  readonly since?: string;
  readonly until?: string;
};

export const letterTopics = {
  outbound: topics.outboundDlq.name,
  webhooks: topics.webhooksDlq.name,
} as const;

export const letterStates = ['open', 'redriven', 'discarded'] as const;
export type LetterState = (typeof letterStates)[number];

/** Parameters of a statement, numbered as they are named. */
export class Parameters {
  readonly values: unknown[] = [];

  /** @returns how the value is called in the statement */
  add(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }
}

/** The filter as a condition on the table `dead_letters d`. */
export function conditionOf(filter: LetterFilter, parameters: Parameters): string {
  const { ids, topic, cause, code, waba, number, campaign, since, until } = filter;
  const equal = {
    'd.topic': topic && letterTopics[topic],
    'd.cause': cause,
    'd.code': code,
    'd.waba_id': waba,
    'd.phone_number_id': number,
    'd.campaign_id': campaign,
  };
  return [
    ...Object.entries(equal).flatMap(([column, value]) =>
      value === undefined ? [] : [`${column} = ${parameters.add(value)}`],
    ),
    ...(ids === undefined ? [] : [`d.id = ANY (${parameters.add(ids)}::bigint[])`]),
    ...(since === undefined ? [] : [`d.dead_at >= ${parameters.add(since)}::timestamptz`]),
    ...(until === undefined ? [] : [`d.dead_at < ${parameters.add(until)}::timestamptz`]),
    'true',
  ].join(' AND ');
}
