import { type LoadPlan, type LoadReport } from './plan';
import { RequestPool } from './request-pool';
import { runLoad } from './run-load';

/** What the benchmark tells this process. */
export type LoadRequest = { readonly plan: LoadPlan; readonly appSecret: string };
export type LoadAnswer = { readonly report: LoadReport } | { readonly error: string };

let pool: RequestPool | undefined;

/** One pool after the other, so that no item comes twice however many runs there are. */
function poolFor({ plan, appSecret }: LoadRequest): RequestPool {
  const { itemsPerBody, prepare } = plan;
  if (pool?.items !== itemsPerBody || pool.capacity < prepare) {
    // A multiple, so that an item's number tells its body's.
    const first = Math.ceil((pool?.nextItem ?? 0) / itemsPerBody) * itemsPerBody;
    pool = new RequestPool(itemsPerBody, prepare, first, appSecret);
  }
  pool.fill();
  return pool;
}

// The load generator: a process of its own, started by `startGenerator`, which ends with its parent.
process.on('disconnect', () => process.exit(0));
process.on('message', (request: LoadRequest) => {
  void Promise.resolve()
    .then(() => runLoad(request.plan, poolFor(request)))
    .then(
      (report): LoadAnswer => ({ report }),
      (error: unknown): LoadAnswer => ({ error: String(error) }),
    )
    .then((answer) => process.send?.(answer));
});
