import { Pool } from 'undici';
import { type BareAnswer, type BareRequest } from './bare';

// The bare loop: a process of its own, started by `startBare`, which ends with its parent.
process.on('disconnect', () => process.exit(0));
process.on('message', (request: BareRequest) => {
  void postAll(request)
    .then(
      (): BareAnswer => ({}),
      (error: unknown): BareAnswer => ({ error: String(error) }),
    )
    .then((answer) => process.send?.(answer));
});

/** As many posts at once as there are connections; the answer is read, and nothing else is done. */
async function postAll({ url, connections, posts }: BareRequest): Promise<void> {
  const pool = new Pool(url, { connections });
  let next = 0;
  async function postSome(): Promise<void> {
    for (let post = posts[next++]; post !== undefined; post = posts[next++]) {
      const { statusCode, body } = await pool.request({
        method: 'POST',
        path: post.path,
        headers: { authorization: `Bearer ${post.token}`, 'content-type': 'application/json' },
        body: post.body,
      });
      await body.text();
      if (statusCode !== 200) throw new Error(`the stand-in for Meta answered ${statusCode}`);
    }
  }
  await Promise.all(Array.from({ length: connections }, postSome));
  await pool.close();
}
