import { ConfigurationError } from '@talaria/config';
import { readConfig } from './config';

describe('readConfig', () => {
  it('needs the app secret only', () => {
    expect(readConfig({ WHATSAPP_APP_SECRET: 's' })).toMatchObject({
      httpPort: 3003,
      webhookUrl: 'http://localhost:3000/webhooks/whatsapp',
      statuses: { sent: [20, 60], delivered: [100, 300], read: [200, 600] },
    });
    expect(() => readConfig({})).toThrow(ConfigurationError);
  });

  test.each(['60ms 20ms', '1ms 2ms 3ms'])('refuses the status delay %s', (delay) => {
    expect(() => readConfig({ WHATSAPP_APP_SECRET: 's', STATUS_READ_DELAY: delay })).toThrow(
      /STATUS_READ_DELAY must be two durations/,
    );
  });
});
