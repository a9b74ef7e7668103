import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { NsError } from '../../../../src/base/index.ts';
import { planNtfsEdits } from '../../../../src/storage/index.ts';
import { checkNtfs } from '../../../../src/storage/ntfs/check.ts';
import { openVolume } from '../../../../src/storage/ntfs/open-volume.ts';
import { PlacedStream } from '../../../../src/storage/ntfs/placed.ts';
import { ATTRIBUTE, fixUp, protect } from '../../../../src/storage/ntfs/records.ts';
import { ntfsKind } from '../../../../src/storage/ntfs/write.ts';
import { scratch } from '../../../kit/disk-tools.ts';
import { MemoryDevice } from '../../../kit/memory-device.ts';
import { noise } from '../../../kit/noise.ts';
import { makeNtfs, withNtfs3g } from '../../../kit/ntfs-volume.ts';

const place = await scratch();
t.teardown(place.remove);
const { signal } = new AbortController();

const path = join(place.dir, 'ntfs');
await makeNtfs(path, 4, ['-c', '512']);
await withNtfs3g(path, join(place.dir, 'mount'), async (root) => {
  await mkdir(join(root, 'many'));
  for (let i = 0; i < 60; i += 1)
    await writeFile(join(root, `many/a name that takes some room ${i}`), noise(3000, i));
});
const image = new Uint8Array(await readFile(path));
const fresh = () => new MemoryDevice('disk0p1', image.slice());
const { volume } = await openVolume(fresh());
const recordSize = volume.layout.recordSize;
const table = new PlacedStream(volume.mft.runs, volume.layout.clusterSize);

/** A file of the volume whose content lies in clusters of its own. */
const FILE = 70;

/** A copy with the bytes of one record changed. */
async function withRecord(number: number, change: (bytes: Buffer) => void): Promise<MemoryDevice> {
  const device = fresh();
  const bytes = Buffer.alloc(recordSize);
  await volume.mft.read(number * recordSize, bytes);
  fixUp(bytes, 'FILE');
  change(bytes);
  protect(bytes);
  await table.write(device, number * recordSize, bytes);
  return device;
}

/** A copy with one bit of a bitmap turned over. */
async function withBit(record: number, type: number, bit: number): Promise<MemoryDevice> {
  const device = fresh();
  const stream = await volume.stream(await volume.record(record), type, '');
  if (stream === undefined) throw new Error('no such stream');
  const byte = new Uint8Array(1);
  await stream.read(bit >> 3, byte);
  byte[0]! ^= 1 << (bit & 7);
  await new PlacedStream(stream.runs, volume.layout.clusterSize).write(device, bit >> 3, byte);
  return device;
}

async function clusterOf(record: number): Promise<number> {
  const stream = await volume.stream(await volume.record(record), ATTRIBUTE.data, '');
  const cluster = stream?.runs[0]?.cluster;
  if (cluster === undefined) throw new Error('no cluster');
  return cluster;
}

const attributeAt = (bytes: Buffer, type: number): number => {
  let at = bytes.readUInt16LE(0x14);
  while (bytes.readUInt32LE(at) !== type) at += bytes.readUInt32LE(at + 4);
  return at;
};

await t.test('a sound volume has no fault', async (t) => {
  t.equal(await checkNtfs(fresh(), signal), undefined);
  t.match(await ntfsKind.preflight(fresh(), signal), { ok: true });
});

await t.test('each thing that contradicts another is found and told', async (t) => {
  const used = await clusterOf(FILE);
  const rows: readonly [found: RegExp, device: MemoryDevice][] = [
    [new RegExp(`cluster ${used} is a file.s, and \\$Bitmap`), await withBit(6, ATTRIBUTE.data, used)],
    [/cluster 7000 is no file.s, and \$Bitmap/, await withBit(6, ATTRIBUTE.data, 7000)],
    [/record 70 is in use, and the bitmap of \$MFT/, await withBit(0, ATTRIBUTE.bitmap, FILE)],
    [/record 70 is not in use/, await withRecord(FILE, (bytes) => bytes.writeUInt16LE(0, 0x16))],
    [
      /leads to record 70, which is not its own/,
      await withRecord(FILE, (bytes) => bytes.writeUInt16LE(9, 0x10)),
    ],
    [
      /record 70 has 0 names, and 1 entries/,
      await withRecord(FILE, (bytes) => bytes.writeUInt32LE(0x38, attributeAt(bytes, 0x30))),
    ],
    [/\$MFTMirr differs/, await withRecord(1, (bytes) => bytes.writeUInt16LE(9, 0x12))],
    [
      /the directory in record 64: /,
      await withRecord(64, (bytes) => (bytes[attributeAt(bytes, 0xb0) + 24]! ^= 2)),
    ],
    [
      /belongs to record 71 and to another/,
      await withRecord(FILE + 1, (bytes) => {
        const at = attributeAt(bytes, 0x80);
        const pairs = at + bytes.readUInt16LE(at + 32);
        const size = bytes[pairs]! >>> 4;
        bytes.writeUIntLE(used, pairs + 2, size);
      }),
    ],
  ];
  const larger = fresh();
  larger.bytes[0x2e] = 1;
  t.match(await checkNtfs(larger, signal), /larger than what it lies on/);
  for (const [found, device] of rows) t.match(await checkNtfs(device, signal), found, String(found));
  const [[, damaged] = []] = rows;
  t.match(await ntfsKind.preflight(damaged!, signal), { refusal: { code: 'VOLUME_DAMAGED' } });
});

await t.test('a mark, an open log and another version are reasons not to write', async (t) => {
  const info = (change: (bytes: Buffer, value: number) => void) =>
    withRecord(3, (bytes) => {
      const at = attributeAt(bytes, 0x70);
      change(bytes, at + bytes.readUInt16LE(at + 20));
    });
  const log = async (head: Buffer): Promise<MemoryDevice> => {
    const device = fresh();
    const stream = await volume.stream(await volume.record(2), ATTRIBUTE.data, '');
    await new PlacedStream(stream?.runs ?? [], volume.layout.clusterSize).write(device, 0, head);
    return device;
  };
  /** Two restart pages; the second one is the later. */
  const pages = (version: number, client: number, flags: number): Buffer => {
    const head = Buffer.alloc(8192);
    for (const [at, lsn, first] of [
      [0, 1n, 0xffff],
      [4096, 2n, client],
    ] as const) {
      head.write('RSTR', at);
      head.writeUInt32LE(4096, at + 0x10);
      head.writeUInt16LE(0x30, at + 0x18);
      head.writeUInt16LE(version, at + 0x1c);
      head.writeBigUInt64LE(lsn, at + 0x30);
      head.writeUInt16LE(first, at + 0x3c);
      head.writeUInt16LE(at === 0 ? 0 : flags, at + 0x3e);
    }
    return head;
  };
  const rows: readonly [code: string | undefined, device: MemoryDevice][] = [
    ['VOLUME_DIRTY', await info((bytes, at) => bytes.writeUInt16LE(1, at + 10))],
    ['VOLUME_DIRTY', await info((bytes, at) => bytes.writeUInt16LE(0x4000, at + 10))],
    [undefined, await info((bytes, at) => bytes.writeUInt16LE(0x8000, at + 10))],
    ['VOLUME_READ_ONLY', await info((bytes, at) => bytes.writeUInt8(2, at + 9))],
    ['VOLUME_READ_ONLY', await info((bytes, at) => bytes.writeUInt8(1, at + 8))],
    ['VOLUME_DIRTY', await log(pages(1, 0, 0))],
    [undefined, await log(pages(1, 0xffff, 0))],
    [undefined, await log(pages(1, 0, 2))],
    ['VOLUME_DIRTY', await log(pages(2, 0xffff, 2))],
    ['VOLUME_DIRTY', await log(Buffer.from('CHKD'))],
  ];
  for (const [i, [code, device]] of rows.entries()) {
    // The copy of the table goes with it, so that nothing but what is asked for is wrong.
    const head = Buffer.alloc(4 * recordSize);
    await device.read(volume.layout.mftAt, head);
    const mirror = await volume.stream(await volume.record(1), ATTRIBUTE.data, '');
    await new PlacedStream(mirror?.runs ?? [], volume.layout.clusterSize).write(device, 0, head);
    t.match(
      await ntfsKind.preflight(device, signal),
      code === undefined ? { ok: true } : { refusal: { code } },
      `${i}`,
    );
  }
});

await t.test('a volume that somebody has spoilt is told of, never more', async (t) => {
  const bytes = fc.array(fc.tuple(fc.nat(90 * 1024), fc.nat(255)), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(bytes, async (changes) => {
      const device = fresh();
      for (const [at, value] of changes) device.bytes[volume.layout.mftAt + at] = value;
      const calm = async (work: Promise<unknown>): Promise<void> => {
        await work.catch((error: unknown) => {
          if (!(error instanceof NsError) || error.family !== 'peer') throw error;
        });
      };
      await calm(checkNtfs(device, signal));
      await calm(ntfsKind.preflight(device, signal));
      await calm(
        planNtfsEdits(
          device,
          [{ edit: 'remove-file', path: '/MANY/a name that takes some room 7' }],
          0,
          signal,
        ),
      );
    }),
    { numRuns: 60, seed: 6 },
  );
  t.pass('60 volumes');
});
