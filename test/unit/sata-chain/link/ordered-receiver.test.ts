import t from 'tap';
import { OrderedReceiver } from '../../../../src/sata-chain/link/ordered-receiver.ts';

const part = (sequence: number, length: number, last = false) => ({
  sequence,
  last,
  bytes: new Uint8Array(length).fill(sequence),
});

await t.test('parts in any order make the messages that were sent', async (t) => {
  const receiver = new OrderedReceiver(10);
  for (const each of [part(3, 0, true), part(1, 4), part(2, 1, true), part(0, 3)]) receiver.put(each);
  t.same(receiver.take(), Uint8Array.of(0, 0, 0, 1, 1, 1, 1, 2));
  t.same(receiver.take(), new Uint8Array(0), 'an empty message is one');
  t.equal(receiver.take(), undefined);
});

await t.test('a peer that never ends a message is found out, also where its parts are empty', async (t) => {
  for (const length of [0, 1]) {
    const receiver = new OrderedReceiver(10);
    let found: unknown;
    let parts = 0;
    while (found === undefined && parts < 100) {
      receiver.put(part(parts, length));
      found = receiver.take();
      parts += 1;
    }
    t.equal(found, 'too-large');
    t.ok(parts <= 11);
  }
});
