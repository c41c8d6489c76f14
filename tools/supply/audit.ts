/** An advisory that may stay for a while. */
export type Exception = {
  /** Its id at GitHub, like GHSA-xxxx-xxxx-xxxx. */
  readonly advisory: string;
  /** Why it is no danger here. */
  readonly reason: string;
  /** The last day, like 2027-01-31: then somebody looks again. */
  readonly until: string;
};

export type Advisory = {
  readonly id: string;
  readonly package: string;
  readonly severity: string;
  readonly title: string;
};

export type Verdict = {
  /** What stops a release, one line each. */
  readonly faults: readonly string[];
  readonly excepted: readonly Advisory[];
};

type Via = {
  readonly name: string;
  readonly severity: string;
  readonly title: string;
  readonly url: string;
};
type Report = {
  readonly auditReportVersion?: number;
  readonly vulnerabilities?: Readonly<Record<string, { readonly via: readonly (Via | string)[] }>>;
  readonly message?: string;
};

/**
 * The advisories in what `npm audit --json` says, each once.
 * @throws when it is no report: nobody knows then
 */
export function readReport(json: string): Advisory[] {
  const report = parse(json);
  if (report.auditReportVersion !== 2 || report.vulnerabilities === undefined)
    throw new Error(
      `npm could not ask the registry for advisories: ${report.message ?? 'its answer is no audit report'}. ` +
        'Run it where the registry answers audits; a mirror often does not (npm config get registry).',
    );
  const advisories = Object.values(report.vulnerabilities)
    .flatMap(({ via }) => via)
    // A string names the dependency that has it.
    .filter((via) => typeof via !== 'string')
    .map(({ name, severity, title, url }) => ({
      ...{ id: url.split('/').at(-1) ?? url, package: name, severity, title },
    }));
  return [...new Map(advisories.map((one) => [one.id, one])).values()];
}

function parse(json: string): Report {
  try {
    return JSON.parse(json) as Report;
  } catch {
    return {};
  }
}

/**
 * Whatever its severity, an advisory is a fault unless it is excepted; so is an exception without a reason, one that is over, and one for
 * nothing.
 * @param today like 2027-01-31
 */
export function judge(
  advisories: readonly Advisory[],
  exceptions: readonly Exception[],
  today: string,
): Verdict {
  const known = new Map(exceptions.map((one) => [one.advisory, one]));
  const found = new Set(advisories.map(({ id }) => id));
  const unexcepted = advisories.filter(({ id }) => !known.has(id));
  return {
    faults: [
      ...unexcepted.map(
        (one) => `${one.id}: ${one.title} (${one.package}, ${one.severity}). Update it, or except it`,
      ),
      ...exceptions.flatMap(({ advisory, reason, until }) => [
        ...(found.has(advisory)
          ? []
          : [`${advisory}: excepted, and not found any more. Remove the exception`]),
        ...(reason.trim() === '' ? [`${advisory}: excepted without a reason`] : []),
        ...(until < today ? [`${advisory}: excepted until ${until}, which is over. Look again`] : []),
      ]),
    ],
    excepted: advisories.filter(({ id }) => known.has(id)),
  };
}
