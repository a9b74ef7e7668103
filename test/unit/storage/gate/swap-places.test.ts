import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import t from 'tap';
import { MiB } from '../../../../src/base/index.ts';
import { resumePlacesIn } from '../../../../src/storage/gate/swap-files.ts';
import { judgeVolume, probeDisks } from '../../../../src/storage/index.ts';
import { makeExt4, run, scratch } from '../../../kit/disk-tools.ts';
import { makeFat, mtool } from '../../../kit/fat-volume.ts';
import { MemoryDevice } from '../../../kit/memory-device.ts';

const place = await scratch();
t.teardown(place.remove);

const UUID = '01234567-89ab-4def-8123-456789abcdef';

/** An ext4 over a whole disk with these files. */
async function ext4With(files: Readonly<Record<string, string | Uint8Array>>): Promise<Uint8Array> {
  const tree = join(place.dir, 'tree');
  await run('rm', ['-rf', tree]);
  await mkdir(tree);
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(tree, path)), { recursive: true });
    await writeFile(join(tree, path), content);
  }
  const path = join(place.dir, 'ext4');
  await makeExt4({ path, size: 8 * MiB, options: ['-U', UUID, '-O', '^metadata_csum'], content: tree });
  return new Uint8Array(await readFile(path));
}

/** All evidence of a host with these disks. */
async function evidence(...images: readonly Uint8Array[]) {
  const disks = images.map((image, n) => ({ disk: `disk${n}`, device: new MemoryDevice(`disk${n}`, image) }));
  return (await probeDisks(disks)).flatMap(({ hibernation }) => hibernation);
}

await t.test('what a text says of resuming is taken as a kernel would', (t) => {
  const found = (text: string) => resumePlacesIn(text, '/f').map(({ device, offset }) => [device, offset]);
  t.same(found('GRUB_CMDLINE_LINUX="quiet resume=UUID=a-b splash"\n'), [['UUID=a-b', undefined]]);
  t.same(found('linux /vmlinuz root=/dev/sda1 resume=/dev/sda2 resume_offset=38912 ro'), [
    ['/dev/sda2', 38_912],
  ]);
  t.same(found('RESUME=UUID=c-d\n'), [['UUID=c-d', undefined]]);
  t.same(
    found('# resume=/dev/sda2\nRESUME=none\nlinux resume=/dev/sda3 noresume\nnoresume=1 xresume=/dev/a'),
    [],
  );
  const most = Array.from({ length: 100 }, (_, n) => `x resume=/dev/sd${n}`).join('\n');
  t.equal(found(most).length, 16);
  t.end();
});

await t.test(
  'a swap file at the place that the boot files name is looked at, whatever it is called',
  async (t) => {
    // Nobody finds it by its name: only by the offset, which counts pages of the volume.
    const sleeping = Buffer.alloc(64 * 1024);
    sleeping.write('S1SUSPEND', 4086, 'latin1');
    for (const [conf, page] of [
      ['etc/default/grub', 4096],
      ['boot/loader/entries/a.conf', 4096],
      ['boot/grub/grub.cfg', 16_384],
    ] as const) {
      const first = await ext4With({ [conf]: '#', hidden: sleeping });
      const at = Buffer.from(first).indexOf('S1SUSPEND') - 4086;
      const line = `linux resume=UUID=${UUID} resume_offset=${at / page}\n`;
      const image = Number.isInteger(at / page)
        ? await ext4With({ [conf]: line, hidden: sleeping })
        : undefined;
      if (image === undefined) continue;
      t.match(
        await evidence(image),
        [{ volume: 'disk0', finding: 'hibernated', what: new RegExp(`resume=.*${conf}`) }],
        conf,
      );
      const awake = Buffer.from(image);
      awake.write('SWAPSPACE2', awake.indexOf('S1SUSPEND'), 'latin1');
      t.same(await evidence(awake), [], `${conf}: and resumed`);
    }
  },
);

await t.test('it is found on another disk, and on a filesystem that is not read', async (t) => {
  const btrfs = Buffer.alloc(2 * MiB);
  btrfs.write('_BHRfS_M', 0x10040, 'latin1');
  Buffer.from(UUID.replaceAll('-', ''), 'hex').copy(btrfs, 0x10020);
  btrfs.write('S1SUSPEND', 300 * 4096 + 4086, 'latin1');
  const path = join(place.dir, 'efi');
  await makeFat(path, ['-F', '16', '-s', '1'], 8192);
  const entry = join(place.dir, 'entry');
  await writeFile(entry, `title Linux\noptions root=UUID=${UUID} resume=UUID=${UUID} resume_offset=300\n`);
  await mtool(path, 'mmd', ['::loader', '::loader/entries']);
  await mtool(path, 'mcopy', [entry, '::loader/entries/arch.conf']);
  const efi = new Uint8Array(await readFile(path));
  const found = await evidence(efi, btrfs);
  t.match(
    found.find(({ finding }) => finding === 'hibernated'),
    { volume: 'disk1', what: /arch\.conf of disk0/ },
  );
});

await t.test('a place that is no volume here could hold it: no journal is replayed then', async (t) => {
  const image = await ext4With({
    'etc/default/grub': 'GRUB_CMDLINE_LINUX_DEFAULT="resume=/dev/mapper/vg-swap"\n',
  });
  t.match(await evidence(image), [
    {
      volume: 'disk0',
      finding: 'hidden',
      what: 'resume=/dev/mapper/vg-swap in /etc/default/grub, which is no volume that can be looked at',
    },
  ]);
  const dirty = Uint8Array.from(image);
  dirty[1024 + 0x60]! |= 4;
  const flags = (bytes: Uint8Array) =>
    probeDisks([{ disk: 'disk0', device: new MemoryDevice('disk0', bytes) }]);
  for (const [bytes, code] of [
    [image, undefined],
    [dirty, 'VOLUME_HIBERNATED'],
  ] as const) {
    const [probe] = await flags(bytes);
    const verdict = judgeVolume(probe!.volumes[0]!, probe!.hibernation, { want: 'write', replay: true });
    t.equal(verdict.ok ? undefined : verdict.refusal.code, code);
  }
});

await t.test('hostile boot files: control characters, no end of lines, too much of everything', async (t) => {
  const long = `resume=/dev/\u001b[2J${'x'.repeat(5000)} `;
  const files: Record<string, string> = {
    'etc/default/grub': long.repeat(100),
    'etc/fstab': '/\u001b]0; none swap\n'.repeat(9000),
  };
  for (let n = 0; n < 60; n += 1) files[`boot/loader/entries/${n}.conf`] = `x resume=/dev/${n}\n`;
  const found = await evidence(await ext4With(files));
  t.ok(found.length <= 16, `${found.length}`);
  for (const { what } of found) {
    t.ok(what.length < 600);
    t.notMatch(what, /\p{Cc}/u);
  }
});
