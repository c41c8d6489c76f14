import { type Output } from '../context';

/** Only a terminal shows colours, and its owner may not want them: https://no-color.org */
export function isColoured({ isTTY }: Output, { NO_COLOR = '' }: NodeJS.ProcessEnv): boolean {
  return isTTY === true && NO_COLOR === '';
}
