import { createHash } from 'node:crypto';
import { lstat, open, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { localSink } from '../../src/adapters/operator-files.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import type { GetOutcome } from '../../src/fleet/index.ts';
import type { KeyStore, LocalSink } from '../../src/ports/index.ts';
import type { ArgsOf } from '../../src/protocol/index.ts';
import { mayWithin } from '../../src/security/index.ts';
import { ColdHost, type ColdHostOptions } from '../kit/cold-host.ts';
import { run, scratch } from '../kit/disk-tools.ts';
import { endOf } from '../kit/ended.ts';
import { makeFat } from '../kit/fat-volume.ts';
import { chainOf } from '../kit/grants.ts';
import { testKey } from '../kit/keys.ts';

const { dir, remove } = await scratch();
t.teardown(remove);
const MIB = 1024 * 1024;
let fetched = 0;

async function hostOf(t: Test, options: ColdHostOptions = {}): Promise<ColdHost> {
  const host = await ColdHost.start({
    size: 10,
    second: 6,
    fill: (tree) => writeFile(join(tree, 'file'), Buffer.alloc(2 * MIB, 'kept ')),
    ...options,
  });
  t.teardown(() => host.close());
  return host;
}

interface Fetching {
  readonly sink?: (file: string) => LocalSink;
  readonly key?: KeyStore;
  readonly grants?: readonly Uint8Array[];
}

async function fetchImage(host: ColdHost, args: ArgsOf<'volume.upload'>, o: Fetching = {}) {
  fetched += 1;
  const file = join(dir, `${fetched}.img`);
  const fleet = await host.fleet(o.key, undefined, undefined, o.grants);
  const wire = host.broker.published.length;
  try {
    const sink = o.sink?.(file) ?? localSink(file, { replace: true });
    const got: GetOutcome<'volume.upload'> = await fleet.getImage('host1', args, sink, {
      signal: new AbortController().signal,
    });
    const bytes = host.broker.published.slice(wire).reduce((sum, { payload }) => sum + payload.byteLength, 0);
    return { ...endOf(got.outcome), got: got.file, fault: got.fault?.code, file, bytes };
  } finally {
    await fleet.close();
  }
}

const hashOf = async (path: string, start = 0, length?: number): Promise<string> => {
  const bytes = await readFile(path);
  return createHash('sha256')
    .update(bytes.subarray(start, length === undefined ? undefined : start + length))
    .digest('hex');
};

await t.test('a disk comes bit by bit, and what is zero is neither sent nor stored', async (t) => {
  const host = await hostOf(t);
  const ended = await fetchImage(host, { volume: 'disk0' });
  t.equal(ended.outcome, 'succeeded', ended.sentence ?? '');
  const whole = await host.disk.hash();
  t.equal(await hashOf(ended.file), whole);
  t.match(ended.result, { volume: { name: 'disk0', type: 'disk, gpt', stale: false }, size: 18 * MIB });
  t.equal(Buffer.from(ended.result!.sha256).toString('hex'), whole);
  t.ok(ended.bytes < 5 * MIB, `${ended.bytes} bytes on the wire`);
  t.ok((await lstat(ended.file)).blocks * 512 < 5 * MIB, 'the file here has holes');
  await run('e2fsck', ['-fn', `${ended.file}?offset=${host.disk.volumes[0]!.start}`]);
});

await t.test('a volume comes alone, by any of its names', async (t) => {
  const host = await hostOf(t);
  const { start, length } = host.disk.volumes[1]!;
  for (const volume of ['disk0p2', 'LABEL=data']) {
    const ended = await fetchImage(host, { volume });
    t.match(ended.result?.volume, { name: 'disk0p2', type: 'ext4', label: 'data' });
    t.equal(await hashOf(ended.file), await hashOf(host.disk.path, start, length));
  }
  t.equal((await fetchImage(host, { volume: 'disk0p9' })).code, 'NO_SUCH_VOLUME');
});

await t.test('without free space the same files are there, and nothing that was deleted', async (t) => {
  const host = await hostOf(t);
  await host.disk.tamper(['rm /file']);
  const { start } = host.disk.volumes[0]!;
  const whole = await fetchImage(host, { volume: 'disk0' });
  t.ok((await readFile(whole.file)).includes('kept kept '), 'deleted, and still there');
  const used = await fetchImage(host, { volume: 'disk0', usedOnly: true });
  t.match(used.result?.volume.notes, [
    /of disk0p1 only what it uses is here; its free space reads as zeros/,
    /of disk0p2 only/,
  ]);
  t.notOk((await readFile(used.file)).includes('kept kept '));
  t.equal(Buffer.from(used.result!.sha256).toString('hex'), await hashOf(used.file));
  t.ok(used.bytes < whole.bytes - MIB);
  for (const volume of host.disk.volumes) await run('e2fsck', ['-fn', `${used.file}?offset=${volume.start}`]);
  const shown = await run('debugfs', ['-R', 'ls /', `${used.file}?offset=${start}`]);
  t.match(shown, /lost\+found/);
});

await t.test(
  'free space of FAT is left out too; where a map is not to be believed, nothing is',
  async (t) => {
    const image = join(dir, 'fat.img');
    await makeFat(image, ['-F', '16', '-s', '4'], 32_000);
    await writeFile(join(dir, 'stay'), Buffer.alloc(100_000, 'stay '));
    await writeFile(join(dir, 'gone'), Buffer.alloc(500_000, 'gone '));
    await run('mcopy', ['-i', image, join(dir, 'stay'), join(dir, 'gone'), '::']);
    await run('mdel', ['-i', image, '::gone']);
    const host = await hostOf(t, { image });
    const used = await fetchImage(host, { volume: 'disk0', usedOnly: true });
    const bytes = await readFile(used.file);
    t.ok(bytes.includes('stay stay ') && !bytes.includes('gone gone '));
    await run('fsck.fat', ['-n', used.file]);
    // Not unmounted: bit 15 of the second entry of both tables.
    const raw = await open(image, 'r+');
    const sectors = Buffer.alloc(512);
    await raw.read(sectors, 0, 512, 0);
    const [reserved, length] = [sectors.readUInt16LE(14) * 512, sectors.readUInt16LE(22) * 512];
    for (const at of [reserved, reserved + length]) await raw.write(Buffer.from([0xff, 0x7f]), 0, 2, at + 2);
    await raw.close();
    const doubted = await fetchImage(host, { volume: 'disk0', usedOnly: true });
    t.match(doubted.result?.volume.notes, [/^disk0 is whole: /]);
    t.equal(await hashOf(doubted.file), await hashOf(image));
  },
);

await t.test('an encrypted volume is imaged, and called what it is', async (t) => {
  const image = join(dir, 'luks.img');
  const head = Buffer.alloc(2 * MIB, 0x5a);
  Buffer.from('LUKS\xba\xbe\x00\x01', 'latin1').copy(head);
  await writeFile(image, head);
  await truncate(image, 4 * MIB);
  const host = await hostOf(t, { image });
  t.equal((await host.get('/x')).outcome, 'refused');
  const ended = await fetchImage(host, { volume: 'disk0', usedOnly: true });
  t.equal(await hashOf(ended.file), await hashOf(image));
  t.match(ended.result?.volume.notes, [/disk0 \(luks\) is cipher text here/, /disk0 is whole/]);
});

await t.test('a broken transfer goes on where it was, and the host that runs has its disk', async (t) => {
  const host = await hostOf(t);
  let writes = 0;
  const failing = (file: string): LocalSink => {
    const sink = localSink(file, { replace: true });
    return {
      open: async (key, size) => {
        const part = await sink.open(key, size);
        const write = part.write.bind(part);
        part.write = async (offset, data) => {
          writes += 1;
          if (writes > 20) throw new Error('no room here');
          await write(offset, data);
        };
        return part;
      },
    };
  };
  const broken = await fetchImage(host, { volume: 'disk0' }, { sink: failing });
  t.equal(broken.got, undefined);
  fetched -= 1;
  const again = await fetchImage(host, { volume: 'disk0' });
  t.ok((again.got?.resumedAt ?? 0) > MIB, `went on at ${again.got?.resumedAt}`);
  t.equal(await hashOf(again.file), await host.disk.hash());
  host.machine.host.set('S0');
  t.match((await fetchImage(host, { volume: 'disk0' })).code, /^HOST_(AWAKE|WAKING)$/);
});

await t.test('only an operator with his own right reaches a whole disk', async (t) => {
  const host = await hostOf(t);
  const guest = testKey();
  const at = systemClock.wallSeconds();
  const grants = await chainOf([host.operator, guest], [{ at, notAfter: at + 3600 }]);
  await t.rejects(fetchImage(host, { volume: 'disk0' }, { key: guest, grants }), /not passed on/);
  const order = { verb: 'volume.upload', args: { volume: 'disk0' } } as const;
  const facts = { device: 'host1', groups: [], power: 'S5' } as const;
  t.match(mayWithin([{ paths: ['/'] }], order, facts), { refusal: { code: 'OUT_OF_SCOPE' } });
  t.match(mayWithin([{ verbs: ['file.*'] }], order, facts), { refusal: { code: 'OUT_OF_SCOPE' } });
  t.equal((await fetchImage(host, { volume: 'disk0' }, { key: host.officer })).code, 'NOT_PERMITTED');
});
