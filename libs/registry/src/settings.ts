import { type Environment, parsed, text } from '@talaria/config';
import { parseKeys } from './keys';

/** The variables of every process that opens or seals tokens and secrets. */
export const secretsSettings = {
  SECRETS_KEYS: parsed(parseKeys)({
    desc: 'the keys that seal tokens and secrets, like "2026-01:<base64 of 32 bytes>", with commas between them: the first seals, all open; `talaria keys generate` makes one',
  }),
  SECRETS_KEYS_FILE: text({
    default: '',
    desc: 'instead of `SECRETS_KEYS`: a file with one key a line, which is read again when it has changed',
  }),
};

export type SecretsConfig = Environment<typeof secretsSettings>;
