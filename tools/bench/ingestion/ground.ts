import { type BenchContext } from '../bench-case';
import { type Ground as BenchGround, openGround as openBenchGround } from '../ground';
import { type Generator } from '../load/generator';

/** With the process that makes the load. */
export type Ground = BenchGround & { readonly generator: Generator };

export async function openGround(
  context: BenchContext,
  kafka: Parameters<typeof openBenchGround>[1],
  generator: Generator,
): Promise<Ground> {
  return { ...(await openBenchGround(context, kafka)), generator };
}
