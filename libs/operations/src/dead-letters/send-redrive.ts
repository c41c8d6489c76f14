import { setTimeout as delay } from 'node:timers/promises';
import { inTransaction, sqlOf } from '@talaria/database';
import { NotWrittenError, type VerifiedProducer } from '@talaria/kafka';
import { topics } from '@talaria/contracts';
import { type DataSource } from 'typeorm';
import { createPacer } from './pacer';
import { redrivenRecord } from './redriven-record';
import {
  finishRedrive,
  nextLetters,
  noteSent,
  type Redrive,
  readRedrive,
  type WaitingLetter,
} from './redrives';

export type Sending = {
  readonly dataSource: DataSource;
  readonly producer: VerifiedProducer;
  /** Messages a second. */
  readonly perSecond: number;
  /** Ends it after what is under way. */
  readonly signal: AbortSignal;
  /** Told after each step. */
  readonly onProgress: (redrive: Redrive) => void;
};

/** A step is a tenth of a second's worth: more would come in bursts, less would cost a statement for each letter. */
const STEPS_PER_SECOND = 10;

/**
 * Sends what a re-drive has not sent yet, in the order of the dead-letter topics, at its rate. How far it is, is noted after each step, so that whoever goes on repeats at most one.
 * @returns how far it is when nothing is left, or when it was told to end
 */
export async function sendRedrive(sending: Sending, from: Redrive): Promise<Redrive> {
  const { dataSource, producer, perSecond, signal, onProgress } = sending;
  const sql = sqlOf(dataSource);
  const step = Math.max(1, Math.floor(perSecond / STEPS_PER_SECOND));
  const pacer = createPacer(perSecond, performance.now());
  const ownerPartition = (wabaId: string) => producer.partitionFor(topics.outbound.name, wabaId);
  for (let redrive = from; ;) {
    const letters = await nextLetters(sql, redrive.id, redrive.position, step);
    const last = letters.at(-1);
    if (last === undefined) {
      await finishRedrive(sql, redrive.id);
      return readRedrive(sql, redrive.id);
    }
    await delay(pacer.take(letters.length, performance.now()), undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return redrive;
    const refused = await sendAll(producer, letters, (letter) =>
      redrivenRecord(letter, redrive, ownerPartition),
    );
    await inTransaction(dataSource, (inside) =>
      noteSent(inside, redrive.id, last, { sent: letters.length - refused.length, refused }),
    );
    redrive = await readRedrive(sql, redrive.id);
    onProgress(redrive);
  }
}

/** @returns the ids of those that Kafka will never take */
async function sendAll(
  producer: VerifiedProducer,
  letters: readonly WaitingLetter[],
  recordOf: (letter: WaitingLetter) => Parameters<VerifiedProducer['send']>[0],
): Promise<number[]> {
  const refused = await Promise.all(
    letters.map(async (letter) => {
      try {
        await producer.send(recordOf(letter));
        return [];
      } catch (error) {
        if (error instanceof NotWrittenError && error.reason === 'refused') return [letter.id];
        throw error;
      }
    }),
  );
  return refused.flat();
}
