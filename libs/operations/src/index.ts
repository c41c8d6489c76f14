export { examine, type Examination } from './doctor/examine';
export { type ServiceSettings } from './doctor/check-configuration';
export { type Finding } from './doctor/finding';
export * from './backlog/backlog';
export * from './contacts/erase-contact';
export { identityOf } from './contacts/person';
export { type Correction } from './dead-letters/correct-command';
export { type Causes, type Counted, type LeftOut } from './dead-letters/count-letters';
export { type Discarded } from './dead-letters/discard-letters';
export { type LetterFilter, type LetterState, letterStates, letterTopics } from './dead-letters/filter';
export { type LettersPage, listLetters, pageStatement } from './dead-letters/list-letters';
export * from './dead-letters/redrive';
export { redriveTopics } from './dead-letters/redriven-record';
export { type Redrive, type RedriveOrder, takeLetters } from './dead-letters/redrives';
export { sendRedrive } from './dead-letters/send-redrive';
export { showLetter } from './dead-letters/show-letter';
export * from './errors';
export {
  batchOf,
  type CheckedCommand,
  type CheckedDrafts,
  checkDrafts,
  type FaultyLine,
} from './messages/check-drafts';
export * from './messages/draft';
export {
  findMessages,
  MOST_FOUND,
  type MessageAsked,
  type MessageFound,
  type MessageName,
} from './messages/find-messages';
export { publishCommands } from './messages/publish-commands';
export { readStory, recordTopics, type StoryOptions } from './messages/read-story';
export * from './messages/story';
export {
  type TailedEvent,
  type TailedTopic,
  tailedTopics,
  tailEvents,
  type TailFilter,
} from './messages/tail';
export { explainMissing } from './messages/explain-missing';
export * from './accounts/accounts';
export * from './apps/apps';
export * from './keys/keys';
export * from './numbers/numbers';
export * from './numbers/test-numbers';
export {
  type HowLong,
  type KeptChange,
  type Pause,
  type RegistryAccess,
  type SealingAccess,
  type SignedAccess,
  type TokenState,
} from './registry/registry';
export * from './spool/replay-spool';
export * from './spool/spool-status';
export * from './topics/topics';
export { type LogEnds, type VersionStatus } from './projections/progress';
export * from './projections/projections';
export * from './webhooks/send-webhook';
export * from './webhooks/webhook-of-kind';
export { type KafkaAccess } from './with-admin';
