import { type Accepted, type Acknowledged } from '../../platform/simulator';
import { checkStatuses, joinReplies } from './replies';

const asked = (id: string, at: number): Acknowledged => ({ kind: 'message', phoneNumberId: '5', id, at });
const status = (id: string, stage: string): Acknowledged => ({
  ...{ kind: 'status', phoneNumberId: '5', id, at: 0 },
  status: stage,
});
const reply = (answers: string | undefined, at: number, wamid = `to ${answers}`): Accepted => ({
  ...{ seq: 0, at, phoneNumberId: '5', to: '+1', wamid, type: 'text' },
  ...(answers !== undefined && { answers }),
});

describe('replies', () => {
  it('take from when their message was due to when they were accepted, in whatever order either is told', () => {
    const replies = joinReplies([asked('b', 20), asked('a', 10)], [reply('a', 15), reply('b', 90)]);
    expect(replies).toEqual({ delays: [5, 70], lost: 0, doubled: 0, unasked: 0 });
  });

  it('are lost, doubled, or answer nobody', () => {
    const accepted = [reply('a', 15), reply('a', 16), reply('other', 17), reply(undefined, 18)];
    expect(joinReplies([asked('a', 10), asked('b', 20)], accepted)).toEqual({
      ...{ delays: [5], lost: 1, doubled: 1, unasked: 2 },
    });
  });

  it('of the warm-up have no delay, and are missed all the same', () => {
    const all = [asked('late', 30), asked('first', 1), asked('second', 2)];
    expect(joinReplies(all, [reply('late', 33), reply('second', 9)], 2)).toEqual({
      ...{ delays: [3], lost: 1, doubled: 0, unasked: 0 },
    });
  });

  it('know no reply in a status', () => {
    expect(joinReplies([status('a', 'sent')], []).lost).toBe(0);
  });
});

describe('statuses', () => {
  const all = ['sent', 'delivered', 'read'].map((stage) => status('to a', stage));

  it('are three for each message that was accepted', () => {
    expect(checkStatuses(all, [reply('a', 1)])).toEqual({ lost: 0, invented: 0 });
  });

  it('are missed, and found when nobody owes them', () => {
    const [sent, delivered] = all;
    if (!sent || !delivered) throw new Error('three are made above');
    expect(checkStatuses([sent, sent, delivered, status('x', 'read')], [reply('a', 1)])).toEqual({
      ...{ lost: 1, invented: 2 },
    });
  });
});
