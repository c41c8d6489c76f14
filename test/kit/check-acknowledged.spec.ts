import { checkAcknowledged, numberedId } from './check-acknowledged';

/** Two senders, three messages each, in two partitions. */
const ids = [0, 1].flatMap((sender) => [0, 1, 2].map((number) => numberedId(sender, number)));
const id = numberedId(1, 1);

describe('checkAcknowledged', () => {
  it('finds nothing where all is well', () => {
    expect(checkAcknowledged(ids, ids)).toEqual({
      acknowledged: 6,
      present: 6,
      lost: [],
      copies: 0,
      outOfOrder: [],
    });
  });

  it('finds what was acknowledged and is in no record', () => {
    const written = ids.filter((one) => one !== id);
    expect(checkAcknowledged(ids, written)).toMatchObject({ acknowledged: 6, present: 5, lost: [id] });
  });

  it('takes what is written without having been acknowledged for no fault', () => {
    const acknowledged = ids.filter((one) => one !== id);
    expect(checkAcknowledged(acknowledged, ids)).toMatchObject({ acknowledged: 5, present: 5, lost: [] });
  });

  it('counts copies, which are no disorder: Meta sends again what was not answered in time', () => {
    expect(checkAcknowledged(ids, [...ids, id, ids[0]!, id])).toMatchObject({ copies: 3, outOfOrder: [] });
  });

  it('finds a first record behind a later message of the same sender, though a copy stands in its place', () => {
    const [a0, a1, a2, b0, b1, b2] = ids as [string, string, string, string, string, string];
    expect(checkAcknowledged(ids, [a0, a2, a1, a2, b0, b1, b2])).toMatchObject({ outOfOrder: [a1] });
    expect(checkAcknowledged(ids, [a0, b0, a1, b1, b2, a2])).toMatchObject({ outOfOrder: [] });
  });
});
