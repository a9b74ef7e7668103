import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import * as v from 'valibot';
import { type RaucFormat, writeRaucBundle } from '../../flash/rauc.ts';
import {
  type BoardDescription,
  boardDescription,
  type FlashLayout,
  flashLayout,
} from '../../src/board/index.ts';
import { run } from '../kit/disk-tools.ts';

const root = new URL('../../', import.meta.url);
const json = async (path: string): Promise<unknown> =>
  JSON.parse(await readFile(new URL(path, root), 'utf8'));
const board: BoardDescription = v.parse(boardDescription, await json('boards/rainier/board.json'));
const layout: FlashLayout = v.parse(flashLayout, await json('flash/layouts/emmc-ab.json'));

const home = await mkdtemp(join(tmpdir(), 'nightshift-rauc-'));
t.teardown(() => rm(home, { recursive: true }));
const image = join(home, 'image');
await writeFile(image, randomBytes(50_000));

/** A certificate of its own kind of key, signed by itself. */
async function certificate(name: string): Promise<{ readonly certificate: string; readonly key: string }> {
  const files = { certificate: join(home, `${name}.pem`), key: join(home, `${name}.key`) };
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const to = ['-keyout', files.key, '-out', files.certificate];
  await run('openssl', ['req', '-x509', ...kind, '-days', '2', '-subj', `/CN=${name}`, ...to]);
  return files;
}
const ours = await certificate('acme firmware');
const theirs = await certificate('somebody else');

async function bundleOf(format: RaucFormat, to: FlashLayout = layout): Promise<string> {
  const work = await mkdtemp(join(home, 'work-'));
  return writeRaucBundle({ out: home, work }, board, to, { version: '1.2.3', image }, { ...ours, format });
}
const told = (keyring: { certificate: string }, bundle: string): Promise<string> =>
  run('rauc', ['--keyring', keyring.certificate, 'info', bundle]);

for (const format of ['plain', 'verity'] as const) {
  await t.test(
    `${format}: a bundle for this board and its slots, by this certificate and no other`,
    async (t) => {
      const bundle = await bundleOf(format);
      const said = await told(ours, bundle);
      t.match(said, /Compatible:\s+'nightshift-rainier'/);
      t.match(said, /Version:\s+'1\.2\.3'/);
      t.match(said, new RegExp(`Bundle Format:\\s+${format}`));
      t.match(said, /\[rofs\]/);
      t.match(said, /Size: +50000/);
      await t.rejects(told(theirs, bundle), /self.signed certificate|signature/i);
      const system = await readFile(join(home, 'rauc-system.conf'), 'utf8');
      t.match(system, `compatible=nightshift-rainier\nbootloader=custom\nbundle-formats=${format}\n`);
      t.match(system, '[slot.rofs.0]\ndevice=/dev/disk/by-partlabel/rofs-a\ntype=raw\nbootname=a\n');
      t.match(system, '[slot.rofs.1]\ndevice=/dev/disk/by-partlabel/rofs-b\ntype=raw\nbootname=b\n');
    },
  );

  await t.test(`${format}: with a flipped bit it is no bundle`, async (t) => {
    const bytes = await readFile(await bundleOf(format));
    // Of "verity" a flip in the content shows when its block is read, which takes the kernel's dm-verity.
    const signed = Number(bytes.readBigUInt64BE(bytes.byteLength - 8));
    const from = format === 'plain' ? 0 : bytes.byteLength - 8 - signed;
    const flipped = join(home, 'flipped.raucb');
    for (const part of [0.02, 0.35, 0.5, 0.8]) {
      const copy = Buffer.from(bytes);
      const at = Math.floor(from + part * (bytes.byteLength - from));
      copy[at] = (copy[at] ?? 0) ^ 1;
      await writeFile(flipped, copy);
      await t.rejects(told(ours, flipped), /./, `byte ${at} of ${bytes.byteLength}`);
    }
  });
}

await t.test('there is none for flash that is no block device', async (t) => {
  await t.rejects(bundleOf('plain', { ...layout, kind: 'nor' }), /RAUC writes to block devices/);
});
