import fc from 'fast-check';
import t from 'tap';
import { Scrollback } from '../../../../src/console/host/scrollback.ts';

await t.test('it holds the last bytes of any stream, each at its place, and no more', async () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 12 }),
      (capacity, pieces) => {
        const ring = new Scrollback(capacity);
        for (const piece of pieces) ring.push(piece);
        const all = pieces.flatMap((piece) => [...piece]);
        const kept = ring.from(ring.start, capacity + 1);
        return (
          ring.end === all.length &&
          ring.end - ring.start === Math.min(capacity, all.length) &&
          [...kept].join() === all.slice(ring.start).join() &&
          ring.from(ring.start - 1, 5).byteLength === 0 &&
          ring.from(ring.end, 5).byteLength === 0 &&
          [...ring.from(ring.start, 3)].join() === all.slice(ring.start, ring.start + 3).join()
        );
      },
    ),
  );
});

await t.test('where something was lost it begins with a whole line', async (t) => {
  const ring = new Scrollback(8);
  ring.push(Buffer.from('abc\n'));
  t.equal(ring.firstLine, 0);
  ring.push(Buffer.from('def\nghi'));
  t.equal(Buffer.from(ring.from(ring.firstLine, 99)).toString(), 'def\nghi');
  ring.push(Buffer.from('x'.repeat(20)));
  t.equal(ring.firstLine, ring.start);
});
