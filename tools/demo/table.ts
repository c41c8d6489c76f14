import { type Figures } from './observer';

const columns: readonly { title: string; width: number; read: (figures: Figures) => string }[] = [
  { title: 'time', width: 6, read: ({ seconds }) => `${seconds} s` },
  { title: 'webhooks/s', width: 10, read: ({ webhooksPerSecond }) => String(webhooksPerSecond) },
  {
    title: 'p50/p99 ms',
    width: 11,
    read: ({ answerP50Ms, answerP99Ms }) => `${round(answerP50Ms)}/${round(answerP99Ms)}`,
  },
  { title: 'acked', width: 8, read: ({ acknowledged }) => String(acknowledged) },
  { title: 'projected', width: 9, read: ({ projected }) => String(projected) },
  { title: 'commands', width: 8, read: ({ commands }) => String(commands) },
  { title: 'accepted', width: 8, read: ({ accepted }) => String(accepted) },
  { title: 'delivered', width: 9, read: ({ delivered }) => String(delivered) },
  { title: 'read', width: 7, read: ({ read }) => String(read) },
  { title: 'failed', width: 6, read: ({ failed }) => String(failed) },
  { title: 'oldest', width: 8, read: ({ oldestWaitingMs }) => `${oldestWaitingMs} ms` },
  { title: 'dead', width: 5, read: ({ deadLetters }) => String(deadLetters) },
];

export const tableHead = columns.map(({ title, width }) => title.padStart(width)).join('  ');

export function tableRow(figures: Figures): string {
  return columns.map(({ read, width }) => read(figures).padStart(width)).join('  ');
}

function round(ms: number): string {
  return ms < 10 ? ms.toFixed(1) : String(Math.round(ms));
}
