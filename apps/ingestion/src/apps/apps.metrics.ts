import { gauge, gaugeOf } from '@talaria/observability';
import { type Apps } from './app';

const showKnown = gauge(
  'talaria_apps_known_seconds',
  'Seconds since the database has told of the apps; +Inf while nothing is known of them. Only with a database',
);

const showSealed = gaugeOf(
  'talaria_app_sealed_secrets',
  'Secrets and verify tokens of an app that do not open: what needs them is answered 503, and the log says what to do',
  { app: 'an app that has such' },
);

export function watchApps(apps: Apps): void {
  showKnown(() => (apps.knownAt === undefined ? Infinity : Math.max(0, (Date.now() - apps.knownAt) / 1000)));
  showSealed(() => [...apps.faults].map(([app, faults]) => [{ app }, faults] as const));
}
