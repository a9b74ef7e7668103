import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { MiB } from '../../../../src/base/index.ts';
import { probeDisk } from '../../../../src/storage/index.ts';
import { run, scratch } from '../../../kit/disk-tools.ts';
import { MemoryDevice } from '../../../kit/memory-device.ts';

const place = await scratch();
t.teardown(() => place.remove());

/** An NTFS volume whose root directory holds `others` files and, where given, a hiberfil.sys. */
async function ntfs(
  hiberfil: Uint8Array | undefined,
  others = 0,
  options: readonly string[] = [],
): Promise<Uint8Array> {
  const path = join(place.dir, 'ntfs');
  await writeFile(path, '');
  await truncate(path, 24 * MiB);
  await run('mkntfs', ['-q', '-F', '-f', '-L', 'Windows', ...options, path]);
  const source = join(place.dir, 'source');
  for (let i = 0; i < others; i += 1) {
    await writeFile(source, `${i}`);
    await run('ntfscp', ['-q', path, source, `/a-file-with-a-long-name-${i}`]);
  }
  if (hiberfil !== undefined) {
    await writeFile(source, hiberfil);
    await run('ntfscp', ['-q', path, source, '/hiberfil.sys']);
  }
  return new Uint8Array(await readFile(path));
}

function hiberfil(mark: string, size = 65536): Uint8Array {
  const bytes = new Uint8Array(size).fill(0x5a);
  bytes.set(Buffer.from(mark.padEnd(4, '\0'), 'latin1'));
  return bytes;
}

async function finding(image: Uint8Array): Promise<string> {
  const probe = await probeDisk(new MemoryDevice('disk0', image));
  t.match(probe.volumes, [{ name: 'disk0', type: 'ntfs' }]);
  return probe.hibernation[0]?.finding ?? 'none';
}

await t.test('hiberfil.sys is found through the root directory and judged by its first bytes', async (t) => {
  t.equal(await finding(await ntfs(undefined)), 'none');
  t.equal(await finding(await ntfs(hiberfil('hibr'))), 'hibernated');
  t.equal(await finding(await ntfs(hiberfil('HIBR', 100))), 'hibernated', 'kept in its record');
  t.equal(await finding(await ntfs(hiberfil('RSTR'))), 'hibernated');
  t.equal(await finding(await ntfs(hiberfil('WAKE'))), 'none');
  t.equal(await finding(await ntfs(new Uint8Array(65536))), 'none');
  t.equal(await finding(await ntfs(hiberfil('????'))), 'unknown');
});

await t.test('it is found in a root directory of many blocks, and with other cluster sizes', async (t) => {
  t.equal(await finding(await ntfs(hiberfil('hibr'), 60)), 'hibernated');
  t.equal(await finding(await ntfs(undefined, 60)), 'none');
  t.equal(await finding(await ntfs(hiberfil('hibr'), 30, ['-c', '512'])), 'hibernated');
  t.equal(await finding(await ntfs(hiberfil('hibr'), 3, ['-c', '65536'])), 'hibernated');
});

await t.test('a damaged NTFS is unknown, never clean', async (t) => {
  const image = await ntfs(hiberfil('hibr'));
  const clean = await probeDisk(new MemoryDevice('disk0', image));
  t.match(clean.volumes, [{ label: 'Windows', readRefusal: undefined }]);
  t.same(clean.volumes[0]?.notes, ['owners of NTFS are in its access lists, which stat --xattrs tells']);
  const mft = Number(new DataView(image.buffer).getBigUint64(0x30, true)) * 4096;
  for (const at of [0x0d, 0x30, 0x40, mft, mft + 5 * 1024, mft + 510]) {
    const damaged = Uint8Array.from(image);
    damaged[at]! ^= 0xff;
    t.equal(await finding(damaged), 'unknown', `byte ${at}`);
    const { volumes } = await probeDisk(new MemoryDevice('disk0', damaged));
    t.match(volumes, [{ readRefusal: { code: 'VOLUME_DAMAGED' } }], `byte ${at}`);
  }
});

await t.test('whatever the volume says, an answer comes', async () => {
  const image = await ntfs(hiberfil('hibr'), 30);
  const mft = Number(new DataView(image.buffer).getBigUint64(0x30, true)) * 4096;
  const place = fc.oneof(
    fc.nat(0x50),
    fc.nat(1023).map((skip) => mft + skip),
    fc.nat(1023).map((skip) => mft + 5 * 1024 + skip),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(place, fc.nat(255)), { minLength: 1, maxLength: 4 }),
      async (changes) => {
        const saved = changes.map(([at]) => [at, image[at]!] as const);
        for (const [at, value] of changes) image[at] = value;
        await probeDisk(new MemoryDevice('disk0', image));
        for (const [at, value] of saved.reverse()) image[at] = value;
      },
    ),
    { numRuns: 400 },
  );
});
