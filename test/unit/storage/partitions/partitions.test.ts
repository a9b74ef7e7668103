import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { crc32, MiB } from '../../../../src/base/index.ts';
import { readPartitionTable } from '../../../../src/storage/index.ts';
import { run, scratch } from '../../../kit/disk-tools.ts';
import { MemoryDevice } from '../../../kit/memory-device.ts';

const place = await scratch();
t.teardown(() => place.remove());

const path = process.env.PATH;

async function partitioned(script: string, size = 64 * MiB): Promise<string> {
  const file = join(place.dir, 'disk');
  await writeFile(file, '');
  await truncate(file, size);
  const child = spawn('sfdisk', ['-q', '--no-tell-kernel', file], {
    env: { ...process.env, PATH: `${path}:/sbin:/usr/sbin` },
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  child.stdin.end(script);
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`sfdisk: ${code}`);
  return file;
}

interface SfdiskPartition {
  readonly node: string;
  readonly start: number;
  readonly size: number;
  readonly type: string;
  readonly uuid?: string;
  readonly name?: string;
}

async function asSfdiskSees(file: string): Promise<readonly SfdiskPartition[]> {
  const json = JSON.parse(await run('sfdisk', ['--json', file])) as {
    partitiontable: { partitions: SfdiskPartition[] };
  };
  return json.partitiontable.partitions;
}

const slotOf = (file: string, node: string): number => Number(node.slice(file.length));

const GPT = `label: gpt
label-id: 11111111-2222-3333-4444-555555555555
2 : start=2048, size=8192, type=L, name="röot", uuid=AAAAAAAA-0000-4000-8000-000000000002
5 : start=20480, size=16384, type=S, name="swap"
1 : start=40960, size=4096, type=U
128 : start=65536, size=10, type=L
`;
const MBR = `label: dos
label-id: 0xdeadbeef
2 : start=2048, size=8192, type=83, bootable
4 : start=16384, size=65536, type=5
5 : start=18432, size=4096, type=83
6 : start=30720, size=4096, type=82
7 : start=40960, size=4096, type=7
`;

async function memory(file: string): Promise<MemoryDevice> {
  return new MemoryDevice('disk0', await readFile(file));
}

await t.test('a GPT with gaps is read as sfdisk reads it', async (t) => {
  const file = await partitioned(GPT);
  const table = await readPartitionTable(await memory(file));
  t.equal(table.scheme, 'gpt');
  t.same(table.notes, []);
  const truth = (await asSfdiskSees(file)).map((p) => ({
    slot: slotOf(file, p.node),
    name: `disk0p${slotOf(file, p.node)}`,
    start: p.start * 512,
    length: p.size * 512,
    type: p.type.toLowerCase(),
    label: p.name ?? '',
    uuid: p.uuid?.toLowerCase(),
    overlaps: [],
  }));
  t.same(table.partitions, truth);
  t.same(
    table.partitions.map(({ slot }) => slot),
    [1, 2, 5, 128],
  );
});

await t.test('an MBR with gaps and logical partitions is read as sfdisk reads it', async (t) => {
  const file = await partitioned(MBR);
  const table = await readPartitionTable(await memory(file));
  t.equal(table.scheme, 'mbr');
  const truth = (await asSfdiskSees(file))
    .filter((p) => p.type !== '5')
    .map((p) => ({ slot: slotOf(file, p.node), start: p.start * 512, length: p.size * 512 }));
  t.same(
    table.partitions.map(({ slot, start, length }) => ({ slot, start, length })),
    truth,
  );
  t.same(
    table.partitions.map(({ uuid }) => uuid),
    ['deadbeef-02', 'deadbeef-05', 'deadbeef-06', 'deadbeef-07'],
  );
  t.same(
    table.partitions.map(({ type }) => type),
    ['0x83', '0x83', '0x82', '0x07'],
  );
});

await t.test('the backup GPT is used where the primary is damaged', async (t) => {
  const file = await partitioned(GPT);
  for (const at of [512 + 16, 512 + 56, 1024 + 130]) {
    const device = await memory(file);
    device.bytes[at]! ^= 1;
    const table = await readPartitionTable(device);
    t.equal(table.partitions.length, 4);
    t.ok(table.notes.includes('the backup GPT is used'), table.notes.join('; '));
    device.bytes[device.bytes.byteLength - 512 + 16]! ^= 1;
    const none = await readPartitionTable(device);
    t.same(none.partitions, []);
    t.equal(none.scheme, 'gpt');
    t.match(none.unseen, /neither copy is whole/);
  }
});

await t.test('a backup that is bad, or says something else, is told of', async (t) => {
  const file = await partitioned(GPT);
  const bad = await memory(file);
  bad.bytes[bad.bytes.byteLength - 512 + 16]! ^= 1;
  const one = await readPartitionTable(bad);
  t.equal(one.partitions.length, 4);
  t.same(one.notes, ['the backup GPT is not whole: its checksum does not fit']);

  const other = await memory(file);
  const size = other.bytes.byteLength;
  const view = new DataView(other.bytes.buffer, other.bytes.byteOffset);
  other.bytes[size - 33 * 512 + 56]! ^= 1;
  view.setUint32(size - 512 + 88, crc32(other.bytes.subarray(size - 33 * 512, size - 512)), true);
  view.setUint32(size - 512 + 16, 0, true);
  view.setUint32(size - 512 + 16, crc32(other.bytes.subarray(size - 512, size - 512 + 92)), true);
  t.match((await readPartitionTable(other)).notes, [/copies of the GPT differ/]);
});

await t.test('a hybrid MBR beside a GPT is told of', async (t) => {
  const device = await memory(await partitioned(GPT));
  const view = new DataView(device.bytes.buffer, device.bytes.byteOffset);
  device.bytes[446 + 16 + 4] = 0x83;
  view.setUint32(446 + 16 + 8, 2048, true);
  view.setUint32(446 + 16 + 12, 8192, true);
  const table = await readPartitionTable(device);
  t.match(table, { scheme: 'gpt', notes: [/hybrid/] });
  t.equal(table.partitions.length, 4);
});

await t.test('of more partitions than anybody has the first are shown, and the rest is said', async (t) => {
  const many = gpt4096({ entries: 8192, used: 300 });
  const table = await readPartitionTable(many);
  t.equal(table.partitions.length, 256);
  t.match(table.unseen, /44 partitions after the first 256/);
  const beyond = gpt4096({ entries: 8193, used: 1 });
  t.same((await readPartitionTable(beyond)).partitions, [], 'more than a table may have');
});

/** A GPT for sectors of 4096 bytes, built by hand: the first of 100 sectors, the others of one. */
function gpt4096({ entries = 128, used = 1 } = {}): MemoryDevice {
  const size = 8 * MiB;
  const device = new MemoryDevice('disk0', size);
  const view = new DataView(device.bytes.buffer, device.bytes.byteOffset);
  device.bytes.set([0, 0, 2, 0, 0xee, 0, 0, 0, 1, 0, 0, 0, 255, 3, 0, 0], 446);
  view.setUint16(510, 0xaa55, true);
  const array = 2 * 4096;
  const first = 2 + Math.ceil((entries * 128) / 4096);
  for (let n = 0; n < used; n += 1) {
    const entry = array + n * 128;
    device.bytes.fill(7, entry, entry + 32);
    view.setBigUint64(entry + 32, BigInt(n === 0 ? 500 : 600 + n), true);
    view.setBigUint64(entry + 40, BigInt(n === 0 ? 599 : 600 + n), true);
  }
  const head = 4096;
  device.bytes.set(Buffer.from('EFI PART'), head);
  view.setUint32(head + 8, 0x10000, true);
  view.setUint32(head + 12, 92, true);
  view.setBigUint64(head + 24, 1n, true);
  view.setBigUint64(head + 32, BigInt(size / 4096 - 1), true);
  view.setBigUint64(head + 40, BigInt(first), true);
  view.setBigUint64(head + 48, BigInt(size / 4096 - 6), true);
  view.setBigUint64(head + 72, 2n, true);
  view.setUint32(head + 80, entries, true);
  view.setUint32(head + 84, 128, true);
  view.setUint32(head + 88, crc32(device.bytes.subarray(array, array + entries * 128)), true);
  view.setUint32(head + 16, crc32(device.bytes.subarray(head, head + 92)), true);
  return device;
}

await t.test('a GPT of 4096-byte sectors is found on a device that says 512', async (t) => {
  const table = await readPartitionTable(gpt4096());
  t.match(table.partitions, [{ slot: 1, start: 500 * 4096, length: 100 * 4096 }]);
  t.match(table.notes, [/backup GPT is not whole/, /sectors of 4096/]);
});

await t.test('partitions that overlap, each other or the table itself, are named', async (t) => {
  const device = await memory(await partitioned(MBR));
  const view = new DataView(device.bytes.buffer, device.bytes.byteOffset);
  device.bytes[446 + 4] = 0x83;
  view.setUint32(446 + 8, 4096, true);
  view.setUint32(446 + 12, 1024, true);
  const table = await readPartitionTable(device);
  t.same(
    table.partitions.map(({ slot, overlaps }) => [slot, ...overlaps]),
    [[1, 'disk0p2'], [2, 'disk0p1'], [5], [6], [7]],
  );
  t.match(table.notes, [/disk0p1 overlaps disk0p2, and is not written/, /disk0p2 overlaps disk0p1/]);
  // Over the record of the first logical partition, and the partition behind it.
  view.setUint32(446 + 8, 16_384, true);
  view.setUint32(446 + 12, 2100, true);
  const over = await readPartitionTable(device);
  t.match(over.partitions[0]?.overlaps, ['the partition table itself', 'disk0p5']);

  const gpt = gpt4096();
  const entry = new DataView(gpt.bytes.buffer);
  entry.setBigUint64(2 * 4096 + 32, 1n, true);
  entry.setBigUint64(4096 + 40, 1n, true);
  entry.setUint32(4096 + 88, crc32(gpt.bytes.subarray(8192, 8192 + 128 * 128)), true);
  entry.setUint32(4096 + 16, 0, true);
  entry.setUint32(4096 + 16, crc32(gpt.bytes.subarray(4096, 4096 + 92)), true);
  t.same((await readPartitionTable(gpt)).partitions[0]?.overlaps, ['the partition table itself']);
});

await t.test('a chain of logical partitions that turns back ends', async (t) => {
  const device = await memory(await partitioned(MBR));
  const view = new DataView(device.bytes.buffer, device.bytes.byteOffset);
  view.setUint32(16384 * 512 + 446 + 16 + 8, 0, true);
  const table = await readPartitionTable(device);
  t.match(table.notes, [/turns back/]);
});

await t.test('an empty disk and a disk too small for a table have none', async (t) => {
  t.equal((await readPartitionTable(new MemoryDevice('disk0', 1 * MiB))).scheme, 'none');
  t.equal((await readPartitionTable(new MemoryDevice('disk0', 512))).scheme, 'none');
});

await t.test('whatever the table says, the answer comes and every partition lies on the disk', async () => {
  const gpt = await memory(await partitioned(GPT, 40 * MiB));
  const mbr = await memory(await partitioned(MBR, 50 * MiB));
  const places = [446, 16384 * 512 + 446, 30720 * 512 + 446, 512, 1024, gpt.bytes.byteLength - 512];
  await fc.assert(
    fc.asyncProperty(
      fc.boolean(),
      fc.array(fc.tuple(fc.constantFrom(...places), fc.nat(96), fc.nat(255)), { minLength: 1, maxLength: 8 }),
      fc.boolean(),
      async (useGpt, changes, repair) => {
        const device = useGpt ? gpt : mbr;
        const saved = changes.map(([at, skip]) => [at + skip, device.bytes[at + skip]!] as const);
        for (const [at, skip, value] of changes) device.bytes[at + skip] = value;
        const crcAt = new DataView(device.bytes.buffer, device.bytes.byteOffset);
        const oldCrc = crcAt.getUint32(528, true);
        if (repair) {
          const header = device.bytes.slice(512, 512 + 92);
          header.fill(0, 16, 20);
          crcAt.setUint32(528, crc32(header), true);
        }
        const table = await readPartitionTable(device);
        for (const { start, length } of table.partitions) {
          if (start <= 0 || length <= 0 || start + length > device.bytes.byteLength)
            throw new Error('escapes');
        }
        crcAt.setUint32(528, oldCrc, true);
        for (const [at, value] of saved.reverse()) device.bytes[at] = value;
      },
    ),
    { numRuns: 300 },
  );
});
