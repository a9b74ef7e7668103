import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { MiB, utf8 } from '../../../../src/base/index.ts';
import {
  type DiskProbe,
  judgeVolume,
  probeDisk,
  resolveVolume,
  type VolumeProbe,
  type VolumeWant,
} from '../../../../src/storage/index.ts';
import { makeExt4, run, scratch } from '../../../kit/disk-tools.ts';
import { MemoryDevice } from '../../../kit/memory-device.ts';

const place = await scratch();
t.teardown(() => place.remove());

const EXT4 = join(place.dir, 'ext4');
await makeExt4({ path: EXT4, size: 8 * MiB, options: ['-L', 'root', '-O', '^metadata_csum'] });
const ext4 = new Uint8Array(await readFile(EXT4));

/** A disk with an MBR whose slots hold the given volumes, each at a multiple of 10 MiB, and one MiB. */
function diskOf(volumes: readonly (Uint8Array | undefined)[]): MemoryDevice {
  const device = new MemoryDevice('disk0', (volumes.length * 10 + 2) * MiB);
  const view = new DataView(device.bytes.buffer, device.bytes.byteOffset);
  view.setUint16(510, 0xaa55, true);
  for (const [index, volume] of volumes.entries()) {
    if (volume === undefined) continue;
    const at = 446 + index * 16;
    device.bytes[at + 4] = 0x83;
    view.setUint32(at + 8, (1 + index * 10) * 2048, true);
    view.setUint32(at + 12, volume.byteLength / 512, true);
    device.bytes.set(volume, (1 + index * 10) * MiB);
  }
  return device;
}

/** A copy of the ext4 volume with some of its superblock changed. */
function changed(change: (superblock: DataView) => void): Uint8Array {
  const copy = Uint8Array.from(ext4);
  change(new DataView(copy.buffer, 1024, 1024));
  return copy;
}

const READ: VolumeWant = { want: 'read', staleOk: false };
const STALE: VolumeWant = { want: 'read', staleOk: true };
const WRITE: VolumeWant = { want: 'write', replay: false };
const REPLAY: VolumeWant = { want: 'write', replay: true };

/** "ok", "ok stale", "ok replay", or the refusal code. */
function judged(probe: DiskProbe, volume: VolumeProbe, want: VolumeWant): string {
  const verdict = judgeVolume(volume, probe.hibernation, want);
  if (!verdict.ok) return verdict.refusal.code;
  return `ok${verdict.value.stale ? ' stale' : ''}${verdict.value.needsReplay ? ' replay' : ''}`;
}

async function judgedAll(volume: Uint8Array, beside?: Uint8Array): Promise<string[]> {
  const probe = await probeDisk(diskOf([volume, beside]));
  return [READ, STALE, WRITE, REPLAY].map((want) => judged(probe, probe.volumes[0]!, want));
}

const filled = (size: number, ...pieces: readonly (readonly [number, string | Uint8Array])[]): Uint8Array => {
  const bytes = new Uint8Array(size);
  for (const [at, piece] of pieces)
    bytes.set(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece, at);
  return bytes;
};

await t.test('ext4 is judged by its state, its journal and its features', async (t) => {
  t.same(await judgedAll(ext4), ['ok', 'ok', 'ok', 'ok'], 'clean');
  const dirty = changed((s) => s.setUint32(0x60, s.getUint32(0x60, true) | 4, true));
  t.same(await judgedAll(dirty), ['ok replay', 'ok replay', 'VOLUME_DIRTY', 'ok replay'], 'needs recovery');
  const external = changed((s) => {
    s.setUint32(0x60, s.getUint32(0x60, true) | 4, true);
    s.setUint32(0xe0, 0, true);
  });
  t.same(
    await judgedAll(external),
    ['ok stale', 'ok stale', 'VOLUME_DIRTY', 'VOLUME_DIRTY'],
    'external journal',
  );
  const errors = changed((s) => s.setUint16(0x3a, 3, true));
  t.same(await judgedAll(errors), ['ok', 'ok', 'VOLUME_DAMAGED', 'VOLUME_DAMAGED'], 'errors');
  const mounted = changed((s) => s.setUint16(0x3a, 0, true));
  t.same(await judgedAll(mounted), ['ok', 'ok', 'VOLUME_DIRTY', 'VOLUME_DIRTY'], 'not unmounted');
  const orphans = changed((s) => s.setUint32(0xe8, 12, true));
  t.same(await judgedAll(orphans), ['ok', 'ok', 'VOLUME_DIRTY', 'VOLUME_DIRTY'], 'orphans');
  const unknown = changed((s) => s.setUint32(0x60, s.getUint32(0x60, true) | 0x80000000, true));
  t.same(new Set(await judgedAll(unknown)), new Set(['VOLUME_UNSUPPORTED']), 'unknown feature');
  const quota = changed((s) => s.setUint32(0x64, s.getUint32(0x64, true) | 0x100, true));
  t.same(await judgedAll(quota), ['ok', 'ok', 'VOLUME_READ_ONLY', 'VOLUME_READ_ONLY'], 'quota');
  const compat = changed((s) => s.setUint32(0x5c, s.getUint32(0x5c, true) | 0x4000, true));
  t.same(await judgedAll(compat), ['ok', 'ok', 'VOLUME_READ_ONLY', 'VOLUME_READ_ONLY'], 'unknown compatible');
  for (const [word, bit] of [
    [0x60, 0x400],
    [0x60, 0x10000],
    [0x60, 0x20000],
    [0x64, 0x2000],
    [0x64, 0x20000],
    [0x64, 0x80000000],
  ] as const) {
    const odd = changed((s) => s.setUint32(word, s.getUint32(word, true) | bit, true));
    const [read, , write] = await judgedAll(odd);
    t.same([read, write], ['ok', 'VOLUME_READ_ONLY'], `bit ${bit.toString(16)} of ${word.toString(16)}`);
  }
  const large = changed((s) => s.setUint32(4, 0x7fffffff, true));
  t.same(new Set(await judgedAll(large)), new Set(['VOLUME_DAMAGED']), 'larger than its device');
});

await t.test('hibernated swap of any page size closes every volume of the host', async (t) => {
  for (const page of [4096, 16384, 65536]) {
    for (const signature of [
      'S1SUSPEND',
      'S2SUSPEND',
      'ULSUSPEND',
      'LINHIB0001',
      '\xed\xc3\x02\xe9\x98\x56\xe5\x0c',
    ]) {
      const swap = filled(1 * MiB, [page - 10, signature]);
      t.same(
        await judgedAll(ext4, swap),
        ['VOLUME_HIBERNATED', 'ok stale', 'VOLUME_HIBERNATED', 'VOLUME_HIBERNATED'],
        `${signature} at ${page}`,
      );
    }
    t.same(await judgedAll(ext4, filled(1 * MiB, [page - 10, 'SWAPSPACE2'])), ['ok', 'ok', 'ok', 'ok']);
  }
  const verdict = judgeVolume(
    (await probeDisk(diskOf([ext4]))).volumes[0]!,
    (await probeDisk(diskOf([filled(1 * MiB, [4086, 'S1SUSPEND'])]))).hibernation,
    WRITE,
  );
  t.match(!verdict.ok && verdict.refusal.sentence, /disk0p1 holds hibernated swap \(S1SUSPEND at 4086\)/);
});

await t.test('swap made by mkswap is known by its label and identity', async (t) => {
  const path = join(place.dir, 'swap');
  for (const page of ['4096', '65536']) {
    await writeFile(path, '');
    await truncate(path, 2 * MiB);
    const uuid = '01234567-89ab-4def-8123-456789abcdef';
    await run('mkswap', ['-q', '-p', page, '-L', 'sw', '-U', uuid, path]);
    const probe = await probeDisk(new MemoryDevice('disk0', new Uint8Array(await readFile(path))));
    t.match(probe.volumes, [{ name: 'disk0', type: 'swap', label: 'sw', uuid }]);
    t.same(probe.hibernation, []);
  }
});

await t.test('a host that hibernated into a swap file is found out', async (t) => {
  const tree = join(place.dir, 'tree');
  await run('mkdir', ['-p', join(tree, 'etc'), join(tree, 'odd')]);
  await writeFile(
    join(tree, 'etc', 'fstab'),
    '# swap\n/odd/place none swap sw,pri=1 0 0\n/dev/sda9 none swap sw 0 0\n',
  );
  await writeFile(join(tree, 'odd', 'place'), filled(65536, [4086, 'S1SUSPEND\0']));
  const path = join(place.dir, 'with-swap-file');
  await makeExt4({ path, size: 8 * MiB, content: tree });
  const probe = await probeDisk(new MemoryDevice('disk0', new Uint8Array(await readFile(path))));
  t.match(probe.hibernation, [{ volume: 'disk0', finding: 'hibernated', what: /\/odd\/place/ }]);
  t.equal(judged(probe, probe.volumes[0]!, WRITE), 'VOLUME_HIBERNATED');
});

await t.test('what cannot be read is named, with the right code', async (t) => {
  const named: readonly (readonly [string, string, Uint8Array])[] = [
    ['luks', 'VOLUME_ENCRYPTED', filled(1 * MiB, [0, 'LUKS\xba\xbe\0\x02'], [168, utf8('a-uuid')])],
    ['bitlocker', 'VOLUME_ENCRYPTED', filled(1 * MiB, [0, '\xeb\x58\x90-FVE-FS-'], [510, '\x55\xaa'])],
    ['lvm2', 'VOLUME_UNSUPPORTED', filled(1 * MiB, [512, 'LABELONE'], [536, 'LVM2 001'])],
    ['md', 'VOLUME_UNSUPPORTED', filled(1 * MiB, [4096, '\xfc\x4e\x2b\xa9'])],
    ['md', 'VOLUME_UNSUPPORTED', filled(1 * MiB, [1 * MiB - 65536, '\xfc\x4e\x2b\xa9'])],
    ['md', 'VOLUME_UNSUPPORTED', filled(1 * MiB, [1 * MiB - 8192, '\xfc\x4e\x2b\xa9'])],
    ['xfs', 'VOLUME_UNSUPPORTED', filled(1 * MiB, [0, 'XFSB'])],
    ['btrfs', 'VOLUME_UNSUPPORTED', filled(1 * MiB, [0x10040, '_BHRfS_M'])],
    ['apfs', 'VOLUME_UNSUPPORTED', filled(1 * MiB, [32, 'NXSB'])],
    ['exfat', 'VOLUME_UNSUPPORTED', filled(1 * MiB, [0, '\xeb\x76\x90EXFAT   '], [510, '\x55\xaa'])],
    ['unknown', 'VOLUME_UNSUPPORTED', filled(1 * MiB, [7, 'noise'])],
    ['unknown', 'VOLUME_UNSUPPORTED', filled(2048)],
  ];
  for (const [type, code, bytes] of named) {
    const probe = await probeDisk(diskOf([bytes]));
    t.equal(probe.volumes[0]?.type, type);
    t.same(new Set(await judgedAll(bytes)), new Set([code]), type);
  }
});

await t.test('FAT made by mkfs.vfat is named, over a partition and over the whole disk', async (t) => {
  const path = join(place.dir, 'fat');
  for (const bits of ['16', '32']) {
    await writeFile(path, '');
    await truncate(path, 40 * MiB);
    await run('mkfs.vfat', [
      '-F',
      bits,
      '-n',
      'EFI',
      '-i',
      '1234abcd',
      ...(bits === '32' ? ['-s', '1'] : []),
      path,
    ]);
    const whole = new Uint8Array(await readFile(path));
    const probe = await probeDisk(new MemoryDevice('disk0', whole));
    t.match(probe.volumes, [{ name: 'disk0', type: 'vfat', label: 'EFI', uuid: '1234-abcd' }]);
  }
});

await t.test('a label cannot carry terminal sequences', async (t) => {
  const probe = await probeDisk(diskOf([changed((s) => s.setUint8(0x79, 0x1b))]));
  t.equal(probe.volumes[0]?.label, 'r\ufffdot');
});

await t.test('a RAID member that looks like ext4 is not taken for ext4', async (t) => {
  const member = Uint8Array.from(ext4);
  member.set([0xfc, 0x4e, 0x2b, 0xa9], member.byteLength - 65536);
  t.same(new Set(await judgedAll(member)), new Set(['VOLUME_UNSUPPORTED']));
});

await t.test('an encrypted neighbour forbids only the replay of a journal', async (t) => {
  const luks = filled(1 * MiB, [0, 'LUKS\xba\xbe\0\x02']);
  t.same(await judgedAll(ext4, luks), ['ok', 'ok', 'ok', 'ok']);
  const dirty = changed((s) => s.setUint32(0x60, s.getUint32(0x60, true) | 4, true));
  t.same(await judgedAll(dirty, luks), ['ok replay', 'ok replay', 'VOLUME_DIRTY', 'VOLUME_HIBERNATED']);
});

await t.test('a volume is found by name, label or identity', async (t) => {
  const other = changed((s) => s.setUint8(0x68, 7));
  const probe = await probeDisk(diskOf([undefined, ext4, undefined, other]));
  const name = (wanted: string | undefined, probes = [probe]): string => {
    const verdict = resolveVolume(probes, wanted);
    return verdict.ok ? verdict.value.probe.name : verdict.refusal.code;
  };
  t.equal(name('disk0p2'), 'disk0p2');
  t.equal(name('disk0p4'), 'disk0p4');
  t.equal(name('disk0p1'), 'NO_SUCH_VOLUME');
  t.equal(name('disk0'), 'NO_SUCH_VOLUME');
  t.equal(name(undefined), 'VOLUME_AMBIGUOUS');
  t.equal(name('LABEL=Root'), 'VOLUME_AMBIGUOUS');
  t.equal(name(`uuid=${probe.volumes[1]!.uuid.toUpperCase()}`), 'disk0p4');
  t.equal(name('LABEL='), 'NO_SUCH_VOLUME');
  const one = await probeDisk(diskOf([filled(1 * MiB, [4086, 'SWAPSPACE2']), ext4]));
  t.equal(name(undefined, [one]), 'disk0p2');
  t.equal(name(undefined, []), 'NO_SUCH_VOLUME');
  const whole = await probeDisk(new MemoryDevice('disk1', ext4));
  t.equal(name('disk1', [one, whole]), 'disk1');
  const listed = resolveVolume([one], 'disk0p9');
  t.match(!listed.ok && listed.refusal.sentence, /disk0p1 \(swap\), disk0p2 \(ext4 "root"\)/);
});
