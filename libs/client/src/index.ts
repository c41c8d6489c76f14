export { type ClientOptions, connectTalaria } from './connect';
export { InvalidCommandError, NoFateError, NotPublishedError } from './errors';
export { type FakeTalaria, fakeTalaria } from './fake';
export { type CommandRef, type Fate } from './fate';
export { type ClientLogger, type Talaria, type Wait } from './talaria';
export { type DispatchEventData, type MetaMessage, type SendMessage } from '@talaria/contracts';
