import { judge, readReport } from './audit';

const advisory = {
  ...{ id: 'GHSA-aaaa-bbbb-cccc', package: 'left-pad', severity: 'high', title: 'Pads on the right' },
};
const via = {
  source: 1234567,
  ...{ name: 'left-pad', dependency: 'left-pad', severity: 'high', title: 'Pads on the right' },
  url: 'https://github.com/advisories/GHSA-aaaa-bbbb-cccc',
};
const report = JSON.stringify({
  auditReportVersion: 2,
  vulnerabilities: {
    'left-pad': { name: 'left-pad', severity: 'high', via: [via] },
    'uses-it': { name: 'uses-it', severity: 'high', via: ['left-pad'] },
    'uses-it-too': { name: 'uses-it-too', severity: 'high', via: [via] },
  },
});
const exception = { advisory: advisory.id, reason: 'we pad on the left alone', until: '2027-01-31' };

describe('the gate for advisories', () => {
  it('finds each advisory once, however many packages it reaches', () => {
    expect(readReport(report)).toEqual([advisory]);
    expect(readReport('{"auditReportVersion":2,"vulnerabilities":{}}')).toEqual([]);
  });

  it.each(['', '<html>', '{}', '{"message":"405 Method Not Allowed"}'])(
    'opens for nothing that is no report: %j',
    (answer) => expect(() => readReport(answer)).toThrow('could not ask the registry'),
  );

  it('opens for what is excepted with a reason, until the last day of it', () => {
    expect(judge([], [], '2027-01-31')).toEqual({ faults: [], excepted: [] });
    expect(judge([advisory], [exception], '2027-01-31')).toEqual({ faults: [], excepted: [advisory] });
  });

  it.each([
    ['an advisory', [advisory], [], '2027-01-31', 'Pads on the right (left-pad, high)'],
    ['an exception that is over', [advisory], [exception], '2027-02-01', 'which is over'],
    ['an exception without a reason', [advisory], [{ ...exception, reason: ' ' }], '2027-01-01', 'reason'],
    ['an exception for nothing', [], [exception], '2027-01-01', 'not found any more'],
  ])('stays shut for %s', (_, found, excepted, today, fault) => {
    expect(judge(found, excepted, today).faults).toEqual([expect.stringContaining(fault)]);
  });
});
