import t from 'tap';
import { Pair } from '../../../../src/sata-chain/link/pair.ts';

function pair() {
  let number = 0;
  return new Pair(() => {
    number += 1;
    return number;
  });
}

await t.test('a pair begins when the other end has heard our present number', async (t) => {
  const a = pair();
  t.equal(a.hear(70, 0), 'answer');
  t.same([a.to, a.joined], [70, false]);
  t.equal(a.hear(71, 1), 'joined');
  t.same([a.to, a.joined], [71, true]);
  t.equal(a.hear(71, 1), 'ours');
});

await t.test('whatever else the other end says begins anew, with another number of ours', async (t) => {
  for (const [from, to] of [
    [71, 0],
    [71, 9],
    [72, 0],
    [72, 1],
  ] as const) {
    const a = pair();
    a.hear(71, 1);
    t.equal(a.hear(from, to), 'lost', `${from} to ${to}`);
    t.same([a.mine, a.to, a.joined], [2, from, false]);
    t.equal(a.hear(from, 2), 'joined');
  }
});

await t.test('our own voice, and nobody, are ignored', async (t) => {
  const a = pair();
  t.equal(a.hear(1, 1), 'ignored');
  t.equal(a.hear(0, 1), 'ignored');
  t.notOk(a.joined);
});
