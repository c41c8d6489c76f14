import { skewFinding } from './clock';
import { type Check, type Found } from './finding';

const ANSWER_MS = 4000;

/** Whether Meta's endpoint answers, and its clock agrees. Sends no token and costs nothing. */
export function metaCheck(baseUrl: string): Check {
  return {
    name: 'meta',
    async run(): Promise<Found[]> {
      const subject = new URL(baseUrl).origin;
      const asked = Date.now();
      let answer: Response;
      try {
        answer = await fetch(baseUrl, { signal: AbortSignal.timeout(ANSWER_MS), redirect: 'manual' });
      } catch (error) {
        const { cause, name } = error as { cause?: { code?: string }; name: string };
        return [
          {
            ...{ subject, result: 'failed', found: `it does not answer (${cause?.code ?? name})` },
            remedy: 'look at DNS, proxy and firewall of this machine, and at GRAPH_API_URL',
          },
        ];
      }
      const answered = Date.now();
      await answer.body?.cancel();
      const found = `it answers HTTP ${answer.status} in ${answered - asked} ms`;
      return [{ subject, result: 'ok', found }, ...clockOf(subject, answer, (asked + answered) / 2)];
    },
  };
}

/** The header tells whole seconds, so half of one is meant on average. */
function clockOf(subject: string, { headers }: Response, at: number): Found[] {
  const told = Date.parse(headers.get('date') ?? '');
  return Number.isNaN(told) ? [] : [skewFinding(`${subject} (clock)`, told + 500 - at)];
}
