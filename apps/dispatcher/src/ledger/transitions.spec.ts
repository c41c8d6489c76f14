import { pairsOf, type State, transitions } from './transitions';

const exitsOf = (state: State) =>
  new Set(
    Object.values(transitions)
      .filter(({ from }) => from === state)
      .map(({ to }) => to),
  );

it.each<[State, readonly State[]]>([
  ['claimed', ['accepted', 'retrying', 'unknown', 'cancelled', 'dead-lettered', 'failed']],
  ['retrying', ['claimed']],
  ['unknown', ['accepted', 'retrying', 'dead-lettered', 'failed']],
  ['accepted', ['retrying', 'failed', 'dead-lettered']],
  ['failed', []],
  ['cancelled', []],
  ['dead-lettered', ['claimed']],
])('what is %s becomes only %j', (state, next) => {
  expect(exitsOf(state)).toEqual(new Set(next));
});

it('only a claim leads to a call, and a claim comes only of what is to be tried or was given up', () => {
  const toClaimed = Object.values(transitions).filter(({ to }) => to === 'claimed');
  expect(new Set(toClaimed.map(({ from }) => from))).toEqual(new Set(['retrying', 'dead-lettered']));
});

it('is written into the statements', () => {
  expect(pairsOf(['accept', 'resend'])).toBe("('claimed', 'accepted'), ('unknown', 'retrying')");
});
