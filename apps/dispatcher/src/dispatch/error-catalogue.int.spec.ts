import { type ErrorClass, errorCatalogue } from '@talaria/whatsapp';
import { eventually, kafkaConfigOf, testLogger, testPlatform } from '../../../../test/kit';
import { type Platform } from '../../../../tools/platform/platform';
import {
  aCommand,
  commandIdOf,
  type DispatcherRig,
  type NewNumber,
  recordOf,
  startDispatcherRig,
  storyOf,
} from '../../testing/dispatcher-rig';

let platform: Platform;
let rig: DispatcherRig;

beforeAll(async () => {
  const env = {
    RETRY_SCHEDULE: '200ms 200ms',
    RETRY_SCHEDULE_UNAVAILABLE: '200ms 200ms',
    // What Meta's table says of minutes and hours is told by decide.spec.
    RETRY_DELAY_MAX: '1s',
    PARK_DURATION: '500ms',
    KAFKA_SESSION_TIMEOUT: '6s',
  };
  platform = await testPlatform('catalogue', { dispatcher: env });
  rig = await startDispatcherRig(platform, kafkaConfigOf(platform), testLogger);
}, 90_000);

afterAll(async () => {
  await rig.close();
  await platform.stop();
}, 60_000);

/** What a command tells, and ends as, whose first call gets an error of the class. */
const endings: Readonly<Record<ErrorClass, readonly string[]>> = {
  transient: ['1 retrying', '2 accepted'],
  'rate-number': ['1 accepted'],
  'rate-pair': ['1 accepted'],
  'rate-account': ['1 accepted'],
  'rate-app': ['1 accepted'],
  auth: ['1 accepted'],
  config: ['1 accepted'],
  recipient: ['1 dead-lettered permanent'],
  content: ['1 dead-lettered permanent'],
  window: ['1 dead-lettered permanent'],
};

const storyTold = (commandId: string) =>
  rig
    .eventsOf(commandId)
    .map(({ type, attempt, cause }) =>
      [attempt, type.replace('whatsapp.dispatch.', '').replace('.v1', ''), cause]
        .filter((word) => word !== undefined)
        .join(' '),
    );

it("each code of Meta's, answered once, leads to what its class says: a message, or a dead letter that names it", async () => {
  const codes = Object.keys(errorCatalogue).map(Number);
  const numbers: NewNumber[] = [];
  while (numbers.length < codes.length) numbers.push(await rig.newNumber());
  const cases = await Promise.all(
    codes.map(async (code, index) => {
      const number = numbers[index]!;
      const { phoneNumberId } = number;
      // A number of its own, which rests for a second at most; the limit of the app holds all of them for one.
      await platform.simulator.addFault({ match: { phoneNumberId }, answer: { code, retryAfterSeconds: 0 } });
      const command = aCommand(number);
      const [record, { class: errorClass }] = [recordOf(command), errorCatalogue[code]!];
      return { code, number, command, record, expected: endings[errorClass] };
    }),
  );
  await rig.publish(cases.map(({ record }) => record));

  const told = () => Object.fromEntries(cases.map(({ code, command }) => [code, storyTold(command.id)]));
  const expected = Object.fromEntries(cases.map((one) => [one.code, one.expected]));
  await eventually(() => expect(told()).toEqual(expected), 60_000);

  for (const { code, number, command, record, expected: story } of cases) {
    const isSent = story.at(-1)?.endsWith('accepted') === true;
    expect((await rig.accepted(number)).map(commandIdOf)).toEqual(isSent ? [command.id] : []);
    const letters = await eventually(() => {
      const found = rig.deadLettersOf(record.value);
      expect(found).toHaveLength(isSent ? 0 : 1);
      return found;
    });
    if (!isSent) expect(storyOf(letters[0]!)).toMatchObject({ cause: 'permanent', code: String(code) });
  }
}, 120_000);
