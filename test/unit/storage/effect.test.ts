import { createHash } from 'node:crypto';
import t from 'tap';
import { MiB } from '../../../src/base/index.ts';
import { measureEffect } from '../../../src/storage/effect.ts';
import { Overlay } from '../../../src/storage/overlay.ts';
import { MemoryDevice } from '../../kit/memory-device.ts';

await t.test(
  'the effect is the changed blocks, joined, and its hash has the documented layout',
  async (t) => {
    const base = new MemoryDevice('base', 10_000);
    const overlay = new Overlay(base, { blockSize: 1024 });
    await overlay.write(9990, Uint8Array.of(1));
    await overlay.write(1023, Uint8Array.of(2, 3));
    await overlay.write(5000, Uint8Array.of(0));
    const effect = await measureEffect(overlay, base, undefined);
    t.same(effect.runs, [
      { offset: 0, length: 2048 },
      { offset: 9216, length: 784 },
    ]);
    t.equal(effect.blocks, 3);
    t.equal(effect.bytes, 2832);
    const hash = createHash('sha256');
    const old = createHash('sha256');
    hash.update('nightshift effect 1\0');
    old.update('nightshift before 1\0');
    for (const sum of [hash, old]) sum.update(Buffer.from('00040000', 'hex'));
    for (const [offset, length] of [
      [0, 1024],
      [1024, 1024],
      [9216, 784],
    ] as const) {
      const head = Buffer.alloc(12);
      head.writeBigUInt64LE(BigInt(offset), 0);
      head.writeUInt32LE(length, 8);
      const content = new Uint8Array(length);
      await overlay.read(offset, content);
      hash.update(head).update(content);
      old.update(head).update(new Uint8Array(length));
    }
    for (const sum of [hash, old]) sum.update(Buffer.from('0300000000000000', 'hex'));
    t.equal(effect.hash, hash.digest('hex'));
    t.equal(effect.before, old.digest('hex'), 'what was there before, in the same way');
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
    t.same(effect.runs, [
      { offset: 0, length: 4096 },
      { offset: 8192, length: 4096 },
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
