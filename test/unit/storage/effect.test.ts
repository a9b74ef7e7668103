import { createHash } from 'node:crypto';
import t from 'tap';
import { MiB } from '../../../src/base/index.ts';
import { measureEffect } from '../../../src/storage/effect.ts';
import { Overlay } from '../../../src/storage/overlay.ts';
import { MemoryDevice } from '../../kit/memory-device.ts';

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const u64 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};
const sha256 = (content: Uint8Array): Buffer => createHash('sha256').update(content).digest();

await t.test(
  'the effect is the changed blocks, joined, and its hash has the documented layout',
  async (t) => {
    const base = new MemoryDevice('base', 10_000);
    base.bytes.fill(8, 9216);
    const overlay = new Overlay(base, { blockSize: 1024 });
    await overlay.write(9990, Uint8Array.of(1));
    await overlay.write(1023, Uint8Array.of(2, 3));
    await overlay.write(5000, Uint8Array.of(0));
    const effect = await measureEffect(overlay, base, async (offset) => offset < 2048);
    t.match(effect.runs, [
      { offset: 0, length: 2048, free: true },
      { offset: 9216, length: 784, free: false },
    ]);
    t.equal(effect.blocks, 3);
    t.equal(effect.bytes, 2832);
    const hash = createHash('sha256').update('nightshift effect 2\0').update(u32(1024));
    for (const { offset, length } of effect.runs) {
      const content = new Uint8Array(length);
      await overlay.read(offset, content);
      hash.update(u64(offset)).update(u32(length)).update(sha256(content));
    }
    hash.update(u64(3));
    const old = createHash('sha256').update('nightshift before 2\0').update(u32(1024));
    old
      .update(u64(9216))
      .update(u32(784))
      .update(sha256(new Uint8Array(784).fill(8)));
    old.update(u64(1));
    t.equal(effect.hash, hash.digest('hex'));
    t.equal(effect.before, old.digest('hex'), 'what was there before, of what was in use');
  },
);

await t.test(
  'the order of writes, and what was written over again, leave no trace in the hash',
  async (t) => {
    const base = new MemoryDevice('base', 64 * 1024);
    const hashes: string[] = [];
    for (const order of [
      [0, 3, 9],
      [9, 0, 3],
    ]) {
      const overlay = new Overlay(base);
      for (const block of order) {
        await overlay.write(block * 4096, Uint8Array.of(0xff));
        await overlay.write(block * 4096, Uint8Array.of(block + 1));
      }
      hashes.push((await measureEffect(overlay, base, undefined)).hash);
    }
    t.equal(hashes[0], hashes[1]);
    const other = new Overlay(base);
    await other.write(0, Uint8Array.of(2));
    t.not((await measureEffect(other, base, undefined)).hash, hashes[0]);
  },
);

await t.test('content that lies in free space already is part of the effect all the same', async (t) => {
  const isFree = async (offset: number) => offset >= 8192;
  const hashes: string[] = [];
  for (const there of [0, 7]) {
    const base = new MemoryDevice('base', 16_384);
    base.bytes.fill(there, 8192, 12_288);
    const overlay = new Overlay(base);
    await overlay.write(0, new Uint8Array(4096).fill(1));
    await overlay.write(4096, new Uint8Array(4096));
    await overlay.write(8192, new Uint8Array(4096).fill(7));
    const effect = await measureEffect(overlay, base, isFree);
    t.match(effect.runs, [
      { offset: 0, length: 4096, free: false },
      { offset: 8192, length: 4096, free: true },
    ]);
    hashes.push(effect.hash);
  }
  t.equal(hashes[0], hashes[1]);
});

await t.test('nothing changed is an empty effect', async (t) => {
  const base = new MemoryDevice('base', 8192);
  const overlay = new Overlay(base);
  await overlay.write(0, new Uint8Array(8192));
  const effect = await measureEffect(overlay, base, undefined);
  t.same([effect.runs, effect.blocks, effect.bytes], [[], 0, 0]);
});

await t.test('no run is longer than 1 MiB', async (t) => {
  const base = new MemoryDevice('base', 3 * MiB);
  const overlay = new Overlay(base);
  await overlay.write(4096, new Uint8Array(2 * MiB).fill(1));
  const { runs, bytes } = await measureEffect(overlay, base, undefined);
  t.ok(runs.every(({ length }) => length <= MiB));
  t.equal(bytes, 2 * MiB);
  for (let i = 1; i < runs.length; i += 1) t.ok(runs[i - 1]!.offset + runs[i - 1]!.length <= runs[i]!.offset);
});

await t.test('placed content has the effect that it would have if it were written', async (t) => {
  const from = Uint8Array.from({ length: 2 * MiB + 5000 }, (_, i) => (i * 31) & 0xff);
  const content = { size: from.byteLength, data: new MemoryDevice('content', from) };
  const base = new MemoryDevice('base', 4 * MiB);
  const isFree = async (offset: number) => offset >= 300 * 1024;
  const effects = [];
  for (const placed of [true, false]) {
    const overlay = new Overlay(base);
    await overlay.write(MiB + 4096, new Uint8Array(4096).fill(4));
    if (placed) await overlay.place(200 * 1024, from.byteLength + 4096 - 904, content, 0);
    else {
      await overlay.write(200 * 1024, from);
      await overlay.write(200 * 1024 + from.byteLength, new Uint8Array(4096 - 904));
    }
    await overlay.write(3 * MiB, Uint8Array.of(1));
    const { hash, before, runs } = await measureEffect(overlay, base, isFree);
    effects.push({ hash, before, runs });
  }
  t.same(effects[0], effects[1]);
  t.ok(effects[0]?.runs.every(({ length, free, offset }) => length <= MiB && free === offset >= 300 * 1024));
});
