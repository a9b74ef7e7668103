import fc from 'fast-check';
import t from 'tap';
import { Coverage } from '../../../../src/adapters/nbd/coverage.ts';
import { headOfRead, readReply } from '../../../../src/adapters/nbd/reply-codec.ts';
import { type Awaited, ReplyParser } from '../../../../src/adapters/nbd/reply-parser.ts';

interface Asked {
  readonly cookie: number;
  readonly offset: number;
  readonly content: Uint8Array;
}

/** Runs of zeros and of data, so that holes begin and end anywhere. */
const content = fc
  .array(fc.record({ length: fc.integer({ min: 1, max: 150_000 }), byte: fc.constantFrom(0, 0, 1, 255) }), {
    minLength: 1,
    maxLength: 4,
  })
  .map((runs) => Buffer.concat(runs.map(({ length, byte }) => Buffer.alloc(length, byte))));
const asked = fc
  .array(fc.record({ offset: fc.nat(2 ** 40), content }), { minLength: 1, maxLength: 4 })
  .map((all) => all.map((one, i): Asked => ({ ...one, cookie: i + 1 })));

function waits({ offset, content: { byteLength } }: Asked): Awaited {
  return {
    isRead: true,
    offset,
    length: byteLength,
    into: new Uint8Array(byteLength).fill(7),
    coverage: new Coverage(),
    extents: undefined,
    error: 0,
  };
}

await t.test(
  'what our server makes of a read our client puts together again, however it is cut',
  async () => {
    fc.assert(
      fc.property(
        asked,
        fc.boolean(),
        fc.boolean(),
        fc.integer({ min: 1, max: 70_000 }),
        (all, structured, whole, size) => {
          const bytes = Buffer.concat(
            all.flatMap((one) => {
              const head = headOfRead(structured);
              const buffer = Buffer.concat([Buffer.alloc(head), one.content, Buffer.alloc(9, 9)]);
              const header = { flags: 0, command: 0, cookieHigh: 0, cookieLow: one.cookie };
              const request = { ...header, offset: one.offset, length: one.content.byteLength };
              return readReply(request, buffer, structured, whole);
            }),
          );
          const waiting = new Map(all.map((one) => [one.cookie, waits(one)]));
          const done: number[] = [];
          const parser = new ReplyParser(
            { find: (cookie) => waiting.get(cookie), done: (cookie) => done.push(cookie) },
            structured,
            undefined,
          );
          for (let at = 0; at < bytes.byteLength; at += size) parser.feed(bytes.subarray(at, at + size));
          return (
            done.length === all.length &&
            all.every((one) => Buffer.from(waiting.get(one.cookie)!.into!).equals(Buffer.from(one.content)))
          );
        },
      ),
      { numRuns: 60 },
    );
  },
);

await t.test('one flipped bit in a header never makes a read succeed with other bytes', async () => {
  const one: Asked = { cookie: 1, offset: 4096, content: Buffer.alloc(512, 1) };
  const buffer = Buffer.concat([Buffer.alloc(28), one.content]);
  const request = { flags: 0, command: 0, cookieHigh: 0, cookieLow: 1, offset: 4096, length: 512 };
  const good = Buffer.concat(readReply(request, buffer, true, false));
  fc.assert(
    fc.property(fc.nat(28 * 8 - 1), (bit) => {
      const bad = Buffer.from(good);
      bad[bit >> 3]! ^= 1 << (bit & 7);
      const awaited = waits(one);
      let isDone = false;
      const sink = {
        find: (cookie: number) => (cookie === 1 ? awaited : undefined),
        done: () => {
          isDone = true;
        },
      };
      try {
        new ReplyParser(sink, true, undefined).feed(bad);
      } catch {
        return !isDone;
      }
      // An error, the whole content, or nothing yet: a last part that says it is not the last leaves it open.
      if (!isDone || awaited.error !== 0) return true;
      return Buffer.from(awaited.into!).equals(Buffer.from(one.content));
    }),
  );
});

await t.test('pieces of a read count once each, in any order, and only together they are whole', async () => {
  const pieces = fc.uniqueArray(fc.integer({ min: 1, max: 999 }), { maxLength: 20 }).chain((cuts) => {
    const ends = [...cuts.sort((a, b) => a - b), 1000];
    const all = ends.map((end, i) => ({ start: ends[i - 1] ?? 0, end }));
    return fc.shuffledSubarray(all, { minLength: all.length });
  });
  fc.assert(
    fc.property(pieces, fc.nat(999), fc.nat(999), (all, a, b) => {
      const coverage = new Coverage();
      for (const [i, { start, end }] of all.entries()) {
        if (coverage.isWhole(1000)) return false;
        if (!coverage.add(start, end)) return false;
        const [first] = all;
        if (coverage.add(first!.start, first!.end) || i < 0) return false;
      }
      return coverage.isWhole(1000) && !coverage.add(Math.min(a, b), Math.max(a, b) + 1);
    }),
  );
});
