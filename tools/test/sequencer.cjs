const { join } = require('node:path');
const TestSequencer = require('@jest/test-sequencer').default;

const root = join(__dirname, '../..');
const ranks = ['platform', 'integration', 'unit'];
/** What keeps the whole machine busy comes before all others of its kind, and what looks at how soon a process answers behind them. */
const apart = { 'test/chaos.spec.ts': -0.5, 'test/rolling-update.spec.ts': 0.5 };

const rankOf = ({ path, context }) => {
  const [, shift = 0] = Object.entries(apart).find(([file]) => path === join(root, file)) ?? [];
  return ranks.indexOf(context.config.displayName.name) + shift;
};

/** The longest first, so that no worker is left alone with one at the end: a fresh clone knows no durations, and the size of a spec says little. */
module.exports = class LongestFirst extends TestSequencer {
  sort(tests) {
    return super.sort(tests).sort((a, b) => rankOf(a) - rankOf(b));
  }
};
