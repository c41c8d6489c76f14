import { type Found } from './finding';

const WARN_MS = 1000;
const FAIL_MS = 5000;

/**
 * What it means that another clock is ahead by so much, or behind when it is negative. Due times, windows and expiries are compared between machines.
 */
export function skewFinding(subject: string, aheadMs: number): Found {
  const skew = Math.abs(aheadMs);
  const result = skew > FAIL_MS ? 'failed' : skew > WARN_MS ? 'warning' : 'ok';
  const found =
    result === 'ok'
      ? `within ${WARN_MS / 1000} s of this machine's clock`
      : `its clock is ${(skew / 1000).toFixed(1)} s ${aheadMs > 0 ? 'ahead of' : 'behind'} this machine's`;
  return {
    ...{ subject, result, found },
    ...(result !== 'ok' && {
      remedy: 'let both machines keep their time by NTP (chrony, systemd-timesyncd)',
    }),
  };
}
