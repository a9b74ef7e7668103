import fc from 'fast-check';
import t from 'tap';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { crc32, milliseconds } from '../../../src/base/index.ts';
import { LineBytes } from '../../../src/console/line-bytes.ts';
import { binaryHeader, hexHeader, subpacket } from '../../../src/console/zmodem/encode.ts';
import { decodeFileInfo, encodeFileInfo } from '../../../src/console/zmodem/file-info.ts';
import { receiveZmodem, sendZmodem } from '../../../src/console/zmodem/index.ts';
import { type ZmodemEvent, ZmodemParser } from '../../../src/console/zmodem/parser.ts';
import { END, FRAME, LONGEST_SUBPACKET } from '../../../src/console/zmodem/wire.ts';
import { type LinePair, linePair } from '../../kit/line-pair.ts';

const PATIENCE = { patience: milliseconds(40) };

function parse(...pieces: readonly Uint8Array[]): ZmodemEvent[] {
  const parser = new ZmodemParser();
  return pieces.flatMap((piece) => [...piece].flatMap((byte) => parser.push(byte) ?? []));
}

/** One session between our two ends; what is received is kept in `shelf`. */
async function session(pair: LinePair, content: Uint8Array, shelf: Uint8Array[]): Promise<unknown[]> {
  const signal = new AbortController().signal;
  const talks = [
    new LineBytes(pair.left, systemClock, signal),
    new LineBytes(pair.right, systemClock, signal),
  ] as const;
  const have = (): number => shelf.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const results = await Promise.all([
    sendZmodem(
      talks[0],
      {
        file: { name: 'a file', size: content.byteLength, mtime: 1_700_000_000, mode: 0o600 },
        read: async (offset, into) => into.set(content.subarray(offset, offset + into.byteLength)),
      },
      PATIENCE,
    ).catch((error: unknown) => error),
    receiveZmodem(
      talks[1],
      async () => ({
        have: { bytes: have(), crc32: crc32(Buffer.concat(shelf)) },
        write: async (offset, piece) => {
          if (offset === 0) shelf.length = 0;
          if (offset !== have()) throw new Error(`a gap at ${offset}`);
          shelf.push(piece);
        },
        finish: async () => undefined,
      }),
      PATIENCE,
    ).catch((error: unknown) => error),
  ]);
  for (const talk of talks) talk.close();
  return results;
}

const escaping = fc.record({ crc32: fc.boolean(), controls: fc.boolean() });

await t.test('what is said is what is heard, whatever the bytes and the escaping', async (t) => {
  fc.assert(
    fc.property(
      escaping,
      fc.nat({ max: 18 }),
      fc.integer({ min: 0, max: 0xffff_ffff }),
      fc.array(fc.tuple(fc.uint8Array({ maxLength: 300 }), fc.constantFrom<number>(END.ZCRCG, END.ZCRCQ)), {
        maxLength: 4,
      }),
      (how, type, argument, pieces) => {
        t.same(parse(hexHeader({ type, argument })), [{ is: 'header', type, argument }]);
        const events = parse(
          binaryHeader({ type: FRAME.ZDATA, argument }, how),
          ...pieces.map(([content, end]) => subpacket(content, end, how)),
          subpacket(Uint8Array.of(1), END.ZCRCE, how),
          binaryHeader({ type: FRAME.ZEOF, argument }, how),
        );
        const said = [
          { is: 'header', type: FRAME.ZDATA, argument },
          ...pieces.map(([content, end]) => ({ is: 'data', content, end })),
          { is: 'data', content: Uint8Array.of(1), end: END.ZCRCE },
          { is: 'header', type: FRAME.ZEOF, argument },
        ];
        if (JSON.stringify(events) !== JSON.stringify(said)) throw new Error(JSON.stringify(events));
      },
    ),
    { numRuns: 300 },
  );
});

await t.test('a bit that was hit is never taken for what was said', async (t) => {
  const how = { crc32: true, controls: false };
  const content = Uint8Array.from({ length: 40 }, (_, i) => i * 11);
  const whole = [
    ...binaryHeader({ type: FRAME.ZDATA, argument: 77 }, how),
    ...subpacket(content, END.ZCRCE, how),
  ];
  let right = 0;
  for (let bit = 0; bit < whole.length * 8; bit += 1) {
    const hit = Uint8Array.from(whole);
    hit[bit >> 3] = hit[bit >> 3]! ^ (1 << (bit & 7));
    for (const event of parse(hit)) {
      if (event.is === 'header') t.same(event, { is: 'header', type: FRAME.ZDATA, argument: 77 });
      if (event.is === 'data') t.same(event.content, content);
      right += 1;
    }
  }
  t.ok(right > 0);
});

await t.test(
  'noise of any length gives no content, and no event that is longer than it may be',
  async (t) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), (noise) => {
        for (const event of parse(noise)) if (event.is === 'data') throw new Error('content out of noise');
      }),
      { numRuns: 500 },
    );
    const endless = parse(
      binaryHeader({ type: FRAME.ZDATA, argument: 0 }, { crc32: true, controls: false }),
      new Uint8Array(LONGEST_SUBPACKET + 10).fill(0x55),
    );
    t.same(
      endless.map(({ is }) => is),
      ['header', 'damaged'],
    );
  },
);

await t.test('the cable is pulled at every byte, and the file comes whole all the same', async (t) => {
  const content = Uint8Array.from({ length: 1100 }, (_, i) => (i * 31) ^ (i >> 3));
  const quiet = linePair();
  await session(quiet, content, []);
  const all = quiet.carried();
  t.ok(all > content.byteLength);
  let pulled = 0;
  for (let at = 0; at < all; at += 1) {
    const shelf: Uint8Array[] = [];
    const first = await session(
      linePair((byte, count) => (count === at ? 'pull' : byte)),
      content,
      shelf,
    );
    if (first.some((result) => result instanceof Error)) pulled += 1;
    const [sent] = await session(linePair(), content, shelf);
    if (Buffer.compare(Buffer.concat(shelf), content) !== 0) t.fail(`pulled at byte ${at}`);
    if ((sent as { is?: string }).is !== 'sent') t.fail(`pulled at byte ${at}: ${String(sent)}`);
  }
  t.ok(pulled > content.byteLength, `${pulled} sessions were cut off`);
});

await t.test('any byte on the line may be lost or changed', async (t) => {
  const content = Uint8Array.from({ length: 3000 }, (_, i) => (i * 13) ^ (i >> 4));
  for (let seed = 1; seed <= 24; seed += 1) {
    const shelf: Uint8Array[] = [];
    const pair = linePair((byte, count) => {
      const dice = (Math.imul(count + 1, 2_654_435_761) ^ Math.imul(seed, 40_503)) >>> 0;
      if (dice % 1409 === 0) return 'lost';
      return dice % 1201 === 0 ? byte ^ (1 << (seed & 7)) : byte;
    });
    const results = await session(pair, content, shelf);
    // Where all that is lost ends a session, the next one goes on.
    if (results.some((result) => result instanceof Error)) await session(linePair(), content, shelf);
    t.same(Buffer.concat(shelf), Buffer.from(content), `seed ${seed}`);
  }
});

await t.test('names lose their way, and numbers that are none are left out', async (t) => {
  for (const name of ['/etc/passwd', '../../etc/passwd', 'C:\\passwd', 'passwd']) {
    t.match(decodeFileInfo(encodeFileInfo({ name, size: 3, mtime: 8, mode: 0o4755 })), {
      name: 'passwd',
      size: 3,
      mtime: 8,
      mode: 0o4755,
    });
  }
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  for (const name of ['', '.', '..', 'a/', '/..']) t.equal(decodeFileInfo(text(`${name}\0 0`)), undefined);
  t.equal(decodeFileInfo(text('no end')), undefined);
  t.same(decodeFileInfo(text('a\0-1 9 x\0')), { name: 'a' });
  t.same(decodeFileInfo(text('a\0')), { name: 'a' });
  t.same(decodeFileInfo(text('a\x00999999999999999999999 0 0')), { name: 'a' });
});

/** A sender that says the beginning, and then the same again and again, as fast as it is heard. How often, and how it ended. */
async function endless(
  beginning: readonly Uint8Array[],
  again: readonly Uint8Array[],
  { sinks = 1, most = 200 } = {},
) {
  const pair = linePair();
  const receiver = new LineBytes(pair.right, systemClock, new AbortController().signal);
  let said = 0;
  let asked = 0;
  let over = false;
  const ended = receiveZmodem(
    receiver,
    async () => {
      asked += 1;
      return asked > sinks ? undefined : { write: async () => undefined, finish: async () => undefined };
    },
    { patience: milliseconds(2000) },
  )
    .catch((error: unknown) => error)
    .finally(() => {
      over = true;
    });
  for (const bytes of beginning) pair.left.write(bytes);
  while (!over && said < most) {
    for (const bytes of again) pair.left.write(bytes);
    said += 1;
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
  pair.pull();
  const end = await ended;
  receiver.close();
  return { said, end };
}

await t.test('a sender that wins no byte is not heard for ever, whatever it says', async (t) => {
  const how = { crc32: true, controls: false };
  const info = encodeFileInfo({ name: 'a', size: 5, mtime: 1, mode: 0o600 });
  const header = (type: number, argument = 0) => binaryHeader({ type, argument }, how);
  const offer = [header(FRAME.ZFILE), subpacket(info, END.ZCRCW, how)];
  const whole = [
    ...offer,
    header(FRAME.ZDATA),
    subpacket(Uint8Array.of(1, 2, 3, 4, 5), END.ZCRCE, how),
    header(FRAME.ZEOF, 5),
  ];
  const nothing = new Uint8Array();
  const named = (name: string) => [
    header(FRAME.ZFILE),
    subpacket(encodeFileInfo({ name, size: 5, mtime: 1, mode: 0o600 }), END.ZCRCW, how),
  ];
  for (const [what, beginning, again] of [
    ['files after the first', whole, offer],
    ['the same file', offer, offer],
    ['files without a name', [], [header(FRAME.ZFILE), subpacket(nothing, END.ZCRCW, how)]],
    ['empty pieces', [...offer, header(FRAME.ZDATA)], [subpacket(nothing, END.ZCRCG, how)]],
    ['empty pieces that ask', [...offer, header(FRAME.ZDATA)], [subpacket(nothing, END.ZCRCQ, how)]],
    ['empty frames', offer, [header(FRAME.ZDATA), subpacket(nothing, END.ZCRCE, how)]],
    ['ends of nothing', whole, [header(FRAME.ZEOF, 5)]],
    ['what interrupts it', [], [header(FRAME.ZSINIT), subpacket(Uint8Array.of(0), END.ZCRCW, how)]],
    ['questions for room', [], [header(FRAME.ZFREECNT)]],
  ] as const) {
    const { said, end } = await endless(beginning, again);
    t.match(end, { code: 'NS_LINE_STALLED' }, what);
    t.ok(said < 100, `${what}: ${said}`);
  }
  const { said, end } = await endless(whole, [...named('b'), ...named('c')], { most: 2000 });
  t.match(end, { code: 'NS_LINE_STALLED' }, 'one file after the other');
  t.ok(said > 200 && said < 1100, `${said} pairs of files`);
});
