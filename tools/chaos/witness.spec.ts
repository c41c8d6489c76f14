import { createNotes } from './witness';

describe('what the witness of a run notes', () => {
  const status = (offset: string, id: string) => ({
    ...{ offset, value: Buffer.from('{"wamid":"wamid.1"}') },
    headers: { ce_type: 'whatsapp.message.status.v1', ce_id: id },
  });

  it('is when a status was told, and not when somebody who joined its group again read that once more', () => {
    const notes = createNotes();
    notes.take(0, status('5', 'read'), 100);
    notes.take(0, status('5', 'read'), 900);
    expect([...notes.statusAt()]).toEqual([['wamid.1', 100]]);
    expect(notes.seen.size).toBe(1);
  });

  it('is the last telling of an event, as its rows are committed by then, and the first of a message', () => {
    const notes = createNotes();
    notes.take(0, status('5', 'sent'), 100);
    notes.take(0, status('6', 'sent'), 200);
    notes.take(0, status('7', 'read'), 300);
    expect([...notes.statusAt()]).toEqual([['wamid.1', 200]]);
  });
});
