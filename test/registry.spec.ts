import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseCallbackData, topics } from '@talaria/contracts';
import { runCli } from '../apps/cli/testing/run-cli';
import { type Platform } from '../tools/platform/platform';
import { repositoryRoot } from '../tools/stack/repository';
import { eventually, publish, testPlatform } from './kit';

/** A second, and what a busy machine is late by: a poll would come in an hour. */
const FOLLOWED_MS = 5000;
const number = {
  ...{ wabaId: '81000', phoneNumberId: '81001', displayPhoneNumber: '+1 555 010 8100' },
  ...{ accessToken: 'token-before-rotation', messagesPerSecond: 1000 },
};
const after = 'token-after-rotation';

let platform: Platform;
let published = 0;
let loading: Promise<void> | undefined;
let isOver = false;

beforeAll(async () => {
  // Whatever is followed, is followed because Postgres told of it.
  platform = await testPlatform('registry', { dispatcher: { REGISTRY_POLL: '1h' } });
  await platform.simulator.putNumber(number);
}, 120_000);
afterAll(async () => {
  isOver = true;
  await loading;
  await platform.stop();
}, 60_000);

const env = () => ({ DATABASE_URL: platform.databaseUrl, SECRETS_KEYS: platform.secretsKeys });

/** @returns when it was done */
async function talaria(line: string, stdin = ''): Promise<number> {
  const ran = await runCli(line.split(' '), { env: env(), stdin });
  expect({ line, ...ran }).toMatchObject({ code: 0, err: '' });
  return Date.now();
}

async function send(count: number): Promise<void> {
  const commands = Array.from({ length: count }, () => ({
    ...{ id: `command-${published}`, wabaId: number.wabaId, phoneNumberId: number.phoneNumberId },
    ...{ to: `+1555${String(1_000_000 + published++)}`, message: { type: 'text', text: { body: 'hello' } } },
  }));
  await publish(
    platform,
    topics.outbound.name,
    commands.map((command) => ({ key: command.wabaId, value: JSON.stringify(command) })),
  );
}

const acceptedSince = async (from: number, until = Infinity) =>
  (await platform.simulator.accepted()).filter(({ at }) => at >= from && at < until);

it('a dispatcher under load follows at once what the command changes, and loses and doubles nothing', async () => {
  await talaria(`accounts add ${number.wabaId} --name Acme`);
  await talaria(
    `numbers add ${number.phoneNumberId} --account ${number.wabaId} --phone +15550108100 --rate 20 --token-stdin`,
    number.accessToken,
  );
  for (let part = 0; part < 5; part++) await send(800);
  await eventually(async () => expect((await acceptedSince(0)).length).toBeGreaterThan(20));

  // A rate, up: what is sent in a second is more than the old one lets through in three.
  const fast = await talaria(`numbers set-rate ${number.phoneNumberId} 200`);
  await eventually(
    async () => expect(mostInASecond(await acceptedSince(fast))).toBeGreaterThan(60),
    FOLLOWED_MS + 1000,
  );

  // A pause, and its end.
  const paused = await talaria(`numbers pause ${number.phoneNumberId} --reason test`);
  await sleep(FOLLOWED_MS + 1000);
  expect(await acceptedSince(paused + FOLLOWED_MS)).toEqual([]);
  const resumed = await talaria(`numbers resume ${number.phoneNumberId}`);
  await eventually(async () => expect(await acceptedSince(resumed)).not.toEqual([]));
  expect((await acceptedSince(resumed))[0]!.at - resumed).toBeLessThan(FOLLOWED_MS);

  // A rate, down.
  const slow = await talaria(`numbers set-rate ${number.phoneNumberId} 10`);
  await sleep(FOLLOWED_MS + 1000);
  expect((await acceptedSince(slow + FOLLOWED_MS, slow + FOLLOWED_MS + 1000)).length).toBeLessThan(20);
  await talaria(`numbers set-rate ${number.phoneNumberId} 80`);

  // A token: both open the number at Meta, until the old one is revoked.
  loading = (async () => {
    while (!isOver) {
      await send(5);
      await sleep(100);
    }
  })();
  await platform.simulator.putNumber({ ...number, phoneNumberId: '81002', accessToken: after });
  await rotateTokenByProcess();
  await sleep(FOLLOWED_MS);
  await platform.simulator.putNumber({ ...number, accessToken: after });
  const revoked = Date.now();
  await eventually(async () => expect((await acceptedSince(revoked)).length).toBeGreaterThan(50));
  expect((await platform.simulator.stats()).refused).toEqual({});

  isOver = true;
  await loading;
  await talaria(`numbers set-rate ${number.phoneNumberId} 1000`);
  await eventually(async () => expect(new Set(await commandIds()).size).toBe(published), 60_000);
  expect(await commandIds()).toHaveLength(published);
}, 240_000);

const mostInASecond = (all: readonly { readonly at: number }[]) =>
  Math.max(0, ...all.map(({ at }) => all.filter((one) => one.at >= at && one.at < at + 1000).length));

const commandIds = async () =>
  (await platform.simulator.accepted()).map(({ callbackData }) => parseCallbackData(callbackData)?.commandId);

/** As people run it: nothing that others see of the process has the token. */
async function rotateTokenByProcess(): Promise<void> {
  const args = ['numbers', 'rotate-token', number.phoneNumberId, '--token-stdin'];
  const script = join(repositoryRoot(), 'dist/apps/cli/src/main.js');
  const child = spawn(process.execPath, [script, ...args], {
    env: { PATH: process.env.PATH, ...env() },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.write(after);
  const said: Buffer[] = [];
  child.stdout.on('data', (part: Buffer) => said.push(part));
  const seen = (process.platform === 'linux' ? ['cmdline', 'environ'] : []).map((name) =>
    readFileSync(`/proc/${child.pid}/${name}`, 'latin1'),
  );
  child.stdin.end();
  const [code] = (await once(child, 'close')) as [number];
  expect({ code, said: Buffer.concat(said).toString() }).toMatchObject({
    ...{ code: 0, said: expect.stringMatching(/^Replaced the token of number 81001: own, key /) },
  });
  expect(seen.join()).not.toContain(after);
}
