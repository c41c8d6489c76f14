import { receiveWebhooks } from './receive-webhooks';

// What Node can do at best: a webhook is received, checked and parsed, and dropped.
void receiveWebhooks(() => undefined);
