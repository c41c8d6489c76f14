import { perSecond } from '@talaria/rate-limit';
process.stdout.write(String(perSecond(80, 1).intervalMs));
