export { examine, type Examination } from './doctor/examine';
export { type ServiceSettings } from './doctor/check-configuration';
export { type Finding } from './doctor/finding';
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
export * from './topics/topics';
export { type KafkaAccess } from './with-admin';
