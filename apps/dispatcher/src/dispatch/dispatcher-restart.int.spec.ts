import { eventually, kafkaConfigOf, testLogger, testPlatform } from '../../../../test/kit';
import { type Platform } from '../../../../tools/platform/platform';
import {
  aCommand,
  commandIdOf,
  type DispatcherRig,
  recordOf,
  startDispatcherRig,
  storyOf,
} from '../../testing/dispatcher-rig';

let platform: Platform;
let rig: DispatcherRig;

beforeAll(async () => {
  const env = {
    GRAPH_API_TIMEOUT: '12s',
    UNKNOWN_CHECK_INTERVAL: '300ms',
    UNKNOWN_WAIT: '3s',
    KAFKA_SESSION_TIMEOUT: '6s',
  };
  platform = await testPlatform('restart', { dispatcher: env });
  rig = await startDispatcherRig(platform, kafkaConfigOf(platform), testLogger);
}, 60_000);

afterAll(async () => {
  await rig.close();
  await platform.stop();
}, 60_000);

async function untilHanging(count: number) {
  await eventually(async () => {
    const { hanging } = (await platform.simulator.stats()) as unknown as { hanging: number };
    expect(hanging).toBe(count);
  });
}

const lastOf = (commandId: string) =>
  eventually(() => {
    const last = rig.eventsOf(commandId).at(-1);
    expect(last?.type).toMatch(/accepted|dead-lettered/);
    return last!;
  }, 60_000);

it('stopped in good order under load, with a call that hangs, it ends with exit code 0 and nothing is lost or doubled', async () => {
  const number = await rig.newNumber(25);
  const { simulator, apps } = platform;
  const [hanging, ...commands] = Array.from({ length: 250 }, () => aCommand(number));
  await simulator.addFault({
    match: { callbackData: `talaria/${hanging!.id}/1` },
    answer: { hang: true, accept: true },
  });
  await rig.publish([hanging!, ...commands].map(recordOf));
  await untilHanging(1);
  await eventually(async () => expect((await rig.accepted(number)).length).toBeGreaterThan(20));
  const from = performance.now();
  expect(await apps.dispatcher.stop()).toBe('exit code 0');
  expect(performance.now() - from).toBeLessThan(10_000);
  expect((await rig.accepted(number)).length).toBeLessThan(250);
  await apps.dispatcher.start();
  for (const { id } of [hanging!, ...commands]) {
    expect(await lastOf(id)).toMatchObject({ type: 'whatsapp.dispatch.accepted.v1' });
  }
  const accepted = await rig.accepted(number);
  expect(new Set(accepted.map(commandIdOf)).size).toBe(250);
  expect(accepted).toHaveLength(250);
}, 90_000);

it('killed while Meta holds its answers, it sends nothing twice, and every command has a fate', async () => {
  const number = await rig.newNumber();
  const { simulator, apps } = platform;
  const [taken, notTaken, later] = [1, 2, 3].map(() => aCommand(number, { to: '+15550002222' }));
  const [other] = [aCommand(number)];
  const hang = (id: string, accept: boolean) =>
    simulator.addFault({ match: { callbackData: `talaria/${id}/1` }, answer: { hang: true, accept } });
  await hang(taken!.id, true);
  await hang(other.id, false);
  await rig.publish([taken!, other].map(recordOf));
  await untilHanging(2);
  await rig.publish([notTaken!, later!].map(recordOf));
  await apps.dispatcher.kill();
  await apps.dispatcher.start();
  expect(await lastOf(taken!.id)).toMatchObject({ type: 'whatsapp.dispatch.accepted.v1', attempt: 1 });
  expect(await lastOf(other.id)).toMatchObject({
    type: 'whatsapp.dispatch.dead-lettered.v1',
    cause: 'ambiguous',
  });
  await eventually(() => {
    const [letter] = rig.deadLettersOf(recordOf(other).value);
    expect(storyOf(letter!)).toMatchObject({ cause: 'ambiguous', attempts: '1' });
  });
  for (const command of [notTaken!, later!]) expect(await lastOf(command.id)).toMatchObject({ attempt: 1 });
  expect((await rig.accepted(number)).map(commandIdOf)).toEqual([taken!.id, notTaken!.id, later!.id]);
}, 120_000);
