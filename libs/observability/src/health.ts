import { isStopping } from './run-process';

/**
 * @returns why it is not well, or undefined when it is. Tells what is known already and asks nobody, so that a probe is answered at once
 * whatever else hangs.
 */
export type HealthCheck = () => string | undefined;

export type Checks = Readonly<Record<string, HealthCheck>>;

export type HealthChecks = {
  /** What has to have been well once before the process counts as started. */
  readonly startup?: Checks;
  /** Whether each loop of the process goes on by itself. Never about a dependency: a restart would not mend one. */
  readonly live: Checks;
  /** Whether work may be sent to it. */
  readonly ready: Checks;
};

export const probes = ['startup', 'live', 'ready'] as const;
export type Probe = (typeof probes)[number];

export type HealthAnswer = {
  readonly status: 'ok' | 'error';
  /** By name: `ok`, or why not. */
  readonly checks: Readonly<Record<string, string>>;
};

export type Health = {
  /** Until `use`: what the start is at, for whoever asks why it takes so long. */
  starting(step: string): void;
  /** The parts are up, and tell of themselves from now on. */
  use(checks: HealthChecks): void;
  ask(probe: Probe): HealthAnswer;
};

/** As Kubernetes means it: it has started once and for all; it is alive while it starts; it is ready from its start to its first signal to stop. */
export function createHealth(): Health {
  let start: HealthCheck = () => 'has begun';
  let used: HealthChecks = { startup: { start: () => start() }, live: {}, ready: {} };
  let hasStarted = false;

  function askStartup(): HealthAnswer {
    const answer = hasStarted ? run({}) : run(used.startup ?? {});
    hasStarted ||= answer.status === 'ok';
    return answer;
  }

  return {
    starting: (step) => (start = () => step),
    use: (checks) => (used = checks),
    ask(probe) {
      if (probe === 'startup') return askStartup();
      if (probe === 'live') return run(used.live);
      const started = askStartup();
      if (started.status === 'error') return started;
      return run({ process: () => (isStopping() ? 'stopping' : undefined), ...used.ready });
    },
  };
}

function run(checks: Checks): HealthAnswer {
  const found = Object.entries(checks).map(([name, check]) => [name, check()] as const);
  return {
    status: found.some(([, fault]) => fault !== undefined) ? 'error' : 'ok',
    checks: Object.fromEntries(found.map(([name, fault]) => [name, fault ?? 'ok'])),
  };
}
