import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { BufferPool } from '../../../../src/adapters/nbd/buffer-pool.ts';
import { decodeRequest, type Payload, RequestParser } from '../../../../src/adapters/nbd/request-parser.ts';
import { MiB } from '../../../../src/base/index.ts';

interface Sent {
  readonly command: number;
  readonly flags: number;
  readonly cookie: bigint;
  readonly offset: bigint;
  readonly data: Uint8Array;
}

function encode({ command, flags, cookie, offset, data }: Sent): Buffer {
  const header = Buffer.alloc(28);
  header.writeUInt32BE(0x25609513, 0);
  header.writeUInt16BE(flags, 4);
  header.writeUInt16BE(command, 6);
  header.writeBigUInt64BE(cookie, 8);
  header.writeBigUInt64BE(offset, 16);
  header.writeUInt32BE(data.byteLength, 24);
  return command === 1 ? Buffer.concat([header, data]) : header;
}

/** Cuts the bytes into chunks of their own memory, as a socket brings them. */
function chunksOf(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let at = 0;
  for (let i = 0; at < bytes.byteLength; i += 1) {
    const size = cuts.length === 0 ? bytes.byteLength : Math.max(1, cuts[i % cuts.length]!);
    chunks.push(Buffer.from(bytes.subarray(at, at + size)));
    at += size;
  }
  return chunks;
}

const NO_DATA: Payload = { data: new Uint8Array(0), borrowed: undefined };

function parseAll(chunks: readonly Buffer[]): Sent[] {
  const parser = new RequestParser(new BufferPool(MiB));
  const found: Sent[] = [];
  let header: Exclude<ReturnType<RequestParser['header']>, string> | undefined;
  for (const chunk of chunks) {
    parser.push(chunk);
    for (;;) {
      if (header === undefined) {
        const next = parser.header();
        if (next === 'more') break;
        if (next === 'broken') throw new Error('broken');
        header = next;
      }
      const payload = header.command === 1 ? parser.payload(header.length) : NO_DATA;
      if (payload === undefined) break;
      const { command, flags, cookieHigh, cookieLow, offset } = header;
      const data = header.command === 1 ? payload.data : Buffer.alloc(header.length);
      const cookie = (BigInt(cookieHigh) << 32n) | BigInt(cookieLow);
      found.push({ command, flags, cookie, offset: BigInt(offset), data: Uint8Array.from(data) });
      header = undefined;
    }
    if (!parser.isEmpty) throw new Error('bytes left');
  }
  return found;
}

const sent: fc.Arbitrary<Sent> = fc
  .record({
    command: fc.nat(7),
    flags: fc.nat(31),
    cookie: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    offset: fc.bigInt({ min: 0n, max: 2n ** 53n - 1n }),
    data: fc.uint8Array({ maxLength: 300 }),
  })
  .map((one) => ({ ...one, data: one.command === 1 ? one.data : new Uint8Array(one.data.byteLength) }));

await t.test('requests are found whatever way a socket cuts them', async () => {
  fc.assert(
    fc.property(fc.array(sent, { maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 200 })), (all, cuts) =>
      isDeepStrictEqual(parseAll(chunksOf(Buffer.concat(all.map(encode)), cuts)), all),
    ),
  );
});

await t.test('a payload that comes byte by byte costs what it weighs', async (t) => {
  const length = 200_000;
  const parser = new RequestParser(new BufferPool(MiB));
  let payload: Payload | undefined;
  for (let i = 0; i < length; i += 1) {
    parser.push(Buffer.of(i & 0xff));
    payload = parser.payload(length);
    if (payload !== undefined && i < length - 1) t.fail(`whole after ${i + 1} bytes`);
  }
  t.equal(payload?.data.byteLength, length);
  t.ok(payload?.data.every((byte, at) => byte === (at & 0xff)));
});

await t.test('a wrong magic and a payload past all bounds are no request', async (t) => {
  const good = encode({ command: 1, flags: 0, cookie: 1n, offset: 0n, data: new Uint8Array(0) });
  for (let bit = 0; bit < 32; bit += 1) {
    const bad = Buffer.from(good);
    bad[bit >> 3]! ^= 1 << (bit & 7);
    t.equal(decodeRequest(bad, 0), 'broken');
  }
  good.writeUInt32BE(32 * MiB, 24);
  t.match(decodeRequest(good, 0), { length: 32 * MiB });
  good.writeUInt32BE(32 * MiB + 1, 24);
  t.equal(decodeRequest(good, 0), 'broken');
});
