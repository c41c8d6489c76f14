import { gauge, gaugeOf } from '@talaria/observability';
import { type Apps } from './app';

export function watchApps(apps: Apps): void {
  gauge(
    'talaria_apps_known_seconds',
    'Seconds since the database has told of the apps; +Inf while nothing is known of them',
    () => (apps.knownAt === undefined ? Infinity : Math.max(0, (Date.now() - apps.knownAt) / 1000)),
  );
  gaugeOf(
    'talaria_app_sealed_secrets',
    'Secrets and verify tokens of an app that do not open: what needs them is answered 503, and the log says what to do',
    'app',
    () => apps.faults,
  );
}
