const TestSequencer = require('@jest/test-sequencer').default;

const ranks = ['platform', 'integration', 'unit'];
const rankOf = ({ context }) => ranks.indexOf(context.config.displayName.name);

/** The longest first, so that no worker is left alone with one at the end: a fresh clone knows no durations, and the size of a spec says little. */
module.exports = class LongestFirst extends TestSequencer {
  sort(tests) {
    return super.sort(tests).sort((a, b) => rankOf(a) - rankOf(b));
  }
};
