export * from './errors';
export {
  findMessages,
  type MessageAsked,
  type MessageFound,
  type MessageName,
} from './messages/find-messages';
export { readStory, recordTopics, type StoryOptions } from './messages/read-story';
export * from './messages/story';
export * from './topics/topics';
export { type KafkaAccess } from './with-admin';
