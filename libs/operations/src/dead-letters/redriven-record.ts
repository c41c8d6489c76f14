import { parseSendMessage, redrivenHeaders, topics } from '@talaria/contracts';
import { type OutgoingRecord } from '@talaria/kafka';
import { type Correction, correctCommand } from './correct-command';
import { letterTopics } from './filter';
import { type WaitingLetter } from './redrives';

/** Where letters may go back to. */
export const redriveTopics = [topics.outbound.name, topics.webhooks.name, topics.dispatches.name];

/**
 * The record that a letter becomes again, in the topic where it was first read: with its own key and, unless corrected, its own bytes.
 * @param ownerPartition the partition whose owner sends for a WABA
 * @throws when the correction does not make a command, which was looked at before
 */
export function redrivenRecord(
  letter: WaitingLetter,
  { id: redriveId, correction }: { readonly id: number; readonly correction: Correction | null },
  ownerPartition: (wabaId: string) => number,
): OutgoingRecord {
  const { id: letterId, key, topic } = letter;
  const headers = redrivenHeaders(letter.headers, { redriveId, letterId }, letter);
  if (topic !== letterTopics.outbound) {
    // Anybody may have written where it comes from: only what the processor reads is believed.
    const origin =
      letter.originTopic === topics.dispatches.name ? topics.dispatches.name : topics.webhooks.name;
    return { topic: origin, key, value: letter.value, headers };
  }
  const value = correction === null ? letter.value : correctedValue(letter, correction);
  const parsed = parseSendMessage(value);
  return {
    ...{ topic: topics.outbound.name, key, value, headers },
    ...(parsed.ok && { partition: ownerPartition(parsed.command.wabaId) }),
  };
}

function correctedValue({ id, value }: WaitingLetter, correction: Correction): Buffer {
  const corrected = correctCommand(value, correction);
  if (!corrected.ok) throw new Error(`dead letter ${id} cannot be corrected any more`);
  return corrected.value;
}
