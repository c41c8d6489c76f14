/** What a look at one thing brought. */
export type Finding = {
  /** Which check: `configuration`, `postgres`, `topics` … */
  readonly check: string;
  /** What was looked at: a service, a topic, a folder. */
  readonly subject: string;
  readonly result: 'ok' | 'warning' | 'failed';
  /** In a person's words, without secrets. */
  readonly found: string;
  /** What to do about it; on what is not ok. */
  readonly remedy?: string;
};

export type Found = Omit<Finding, 'check'>;

export type Check = { readonly name: string; readonly run: () => Promise<readonly Found[]> };

/** What a check needs is not there: why, was found by another. */
export class NotCheckedError extends Error {}

/**
 * Runs all at once. One that takes longer than its deadline, or breaks, is a finding like another, so that what is dead costs no more than that.
 * @param deadlineMs for each
 */
export async function runChecks(checks: readonly Check[], deadlineMs: number): Promise<Finding[]> {
  const found = await Promise.all(checks.map((check) => runCheck(check, deadlineMs)));
  return found.flat();
}

async function runCheck({ name, run }: Check, deadlineMs: number): Promise<Finding[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Finding[]>((resolve) => {
    timer = setTimeout(() => resolve([lateFinding(name, deadlineMs)]), deadlineMs);
  });
  try {
    const findings = run().then((all) => all.map((one) => ({ check: name, ...one })));
    return await Promise.race([findings, late]);
  } catch (error) {
    return [brokenFinding(name, error)];
  } finally {
    clearTimeout(timer);
  }
}

function lateFinding(check: string, deadlineMs: number): Finding {
  return {
    ...{ check, subject: check, result: 'failed', found: `no answer within ${deadlineMs / 1000} s` },
    remedy: 'look whether the host is there, and whether a firewall drops what is sent to it',
  };
}

function brokenFinding(check: string, error: unknown): Finding {
  const why = error instanceof Error ? error.message : String(error);
  if (error instanceof NotCheckedError)
    return {
      check,
      subject: check,
      result: 'warning',
      found: `not checked: ${why}`,
      remedy: 'mend that first',
    };
  return {
    ...{ check, subject: check, result: 'failed', found: `the check itself broke: ${why.slice(0, 300)}` },
    remedy: 'run it again with DEBUG=1; if it stays, that is a fault of Talaria: report it',
  };
}
