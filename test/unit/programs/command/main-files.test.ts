import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { seconds } from '../../../../src/base/index.ts';
import { ArchivePlan, ChunkMap, chunksOf, receiveFile, sendFile } from '../../../../src/transfer/index.ts';
import { openCommandSite } from '../../../kit/command-site.ts';
import { MemoryFile } from '../../../kit/memory-file.ts';

const { home, run, devices, answerAll, close } = await openCommandSite();
t.teardown(close);

const volume = { name: 'disk0p2', type: 'ext4', label: 'root', uuid: 'u', stale: false, notes: [] };
const file = { kind: 'file', mode: 0o644, uid: 0, gid: 0, links: 1, inode: 7, mtime: 1_700_000_000, size: 5 };

await t.test('find asks for page after page, up to its limit, and nothing found is a success', async (t) => {
  const match = (n: number) => ({
    path: `/${n}`,
    kind: 'file',
    size: n,
    mode: 0o644,
    uid: 0,
    gid: 0,
    mtime: 0,
  });
  const asked: Record<string, unknown>[] = [];
  const visited = { directories: 1, files: 2 };
  answerAll(async ({ args }) => {
    asked.push(args);
    const from = Number(Buffer.from((args as { after?: Uint8Array[] }).after?.[0] ?? []).toString());
    const some = [match(from + 1), match(from + 2)];
    const next = from >= 4 ? {} : { next: [Buffer.from(`${from + 2}`)] };
    return { result: { volume, matches: some, visited, skipped: [], ...next } };
  });
  writeFileSync(join(home, 'needle'), 's3cret');
  const words = [
    '--size',
    '+1k',
    '--size',
    '-2M',
    '--type',
    'f',
    '--newer',
    '100',
    '--contains',
    'file:needle',
  ];
  const all = await run(['find', 'rack1', '/srv', '--iname', '*.PEM', ...words]);
  t.match(all, { code: 0, stdout: /6 matches among 6 files in 3 directories\n {2}\/1\n[\s\S]*\/6\n/ });
  t.match(asked[0], {
    path: '/srv',
    iname: '*.PEM',
    kind: 'file',
    size: { min: 1025, max: 2 * 1024 * 1024 - 1 },
    newer: 100,
    contains: Buffer.from('s3cret'),
    limit: 1000,
  });
  t.match(asked[2], { after: [Buffer.from('4')] });
  const some = await run(['find', 'rack[1-2]', '/', '--limit', '4']);
  t.match(some, { code: 0, stdout: /^rack\[1-2\]: succeeded: 4 matches[\s\S]*not at its end/ });
  t.match(asked.at(-1), { limit: 2 });
  answerAll(async () => ({ result: { volume, matches: [], visited, skipped: [] } }));
  t.match(await run(['find', 'rack1', '/', '--name', 'x']), { code: 0, stdout: /0 matches/ });
  const before = devices[0]!.packets;
  for (const wrong of [
    ['--size', '10X'],
    ['--type', 'file'],
    ['--contains', ''],
    ['--contains', 'file:absent'],
  ]) {
    t.match(await run(['find', 'rack1', '/', ...wrong]), { code: 2, stdout: '' });
  }
  t.equal(devices[0]!.packets, before);
});

await t.test('put and get carry a file over a real broker, whole and verified', async (t) => {
  const content = MemoryFile.patterned(3_000_001);
  const stored = MemoryFile.sized(content.bytes.byteLength);
  writeFileSync(join(home, 'image'), content.bytes);
  const chunk = 65_536;
  devices[0]!.answer = async (order, { blocks, signal, say }) => {
    const size = stored.bytes.byteLength;
    const common = {
      id: order.id,
      size,
      chunk,
      port: blocks,
      clock: systemClock,
      signal,
      noProgress: seconds(10),
    };
    if (order.verb === 'file.download') {
      const received = await receiveFile({
        ...common,
        sha256: order.args.sha256,
        have: new ChunkMap(chunksOf(size, chunk)),
        write: stored.write,
        read: stored.read,
        flush: stored.flush,
        saveMap: async () => undefined,
      });
      if (received.ok) received.value.release();
      const effect = { hash: new Uint8Array(32), blocks: 2, bytes: 8192, changes: [] };
      return { result: { volume, path: order.args.path, effect, dryRun: false } };
    }
    await say({ event: 'offer', id: order.id, size, chunk, inode: 7, mtime: file.mtime });
    const { sha256 } = await sendFile({ ...common, read: stored.read });
    return { result: { volume, path: '/image', file: { ...file, size }, sha256: new Uint8Array(sha256) } };
  };
  t.match(await run(['put', 'image', 'rack1', '/images/']), {
    code: 0,
    stdout: /succeeded: effect: 2 blocks/,
  });
  t.match(devices[0]!.orders.at(-1), { args: { path: '/images/image', size: 3_000_001 } });
  const got = await run(['get', 'rack1', '/images/image', 'copy']);
  t.match(got, { code: 0, stdout: /stored as copy/ });
  t.equal(Buffer.compare(readFileSync(join(home, 'copy')), content.bytes), 0);
  t.equal(Math.floor(statSync(join(home, 'copy')).mtimeMs / 1000), file.mtime);
  t.match(await run(['get', 'rack1', '/boot/image', 'copy']), { code: 1, stdout: /say --replace/ });
});

await t.test('get -r unpacks a tree where nothing is yet, or keeps the archive', async (t) => {
  const archive = new ArchivePlan();
  const at = { mode: 0o644, uid: 0, gid: 0, mtime: file.mtime, size: 0 };
  archive.add({ ...at, path: Buffer.from(''), kind: 'directory', mode: 0o755 });
  archive.add({ ...at, path: Buffer.from('one'), kind: 'file', size: 100_000 });
  archive.add({ ...at, path: Buffer.from('pipe'), kind: 'fifo' });
  const fill = async (_index: number, _offset: number, into: Uint8Array) => void into.fill(0x61);
  devices[0]!.answer = async (order, { blocks, signal, say }) => {
    const common = { id: order.id, size: archive.size, chunk: 65_536 };
    await say({ event: 'offer', ...common, inode: 7, mtime: file.mtime });
    const { sha256 } = await sendFile({
      ...common,
      port: blocks,
      clock: systemClock,
      signal,
      noProgress: seconds(10),
      read: (offset, into, readSignal) => archive.read(offset, into, fill, readSignal),
    });
    const tree = { archive: archive.size, entries: 3, files: 1, directories: 1, symlinks: 0, links: 0 };
    const skipped = [{ path: 'disk', why: 'a block device: an archive has none' }];
    return {
      result: {
        volume,
        path: '/srv',
        file: { ...file, kind: 'directory' as const },
        sha256: new Uint8Array(sha256),
        tree: { ...tree, others: 1, bytes: 100_000, skipped },
      },
    };
  };
  const got = await run(['get', '-r', 'rack1', '/srv', 'tree']);
  t.match(got, { code: 0, stdout: /1 file, 1 directory, 1 other; .*NOT AS IT IS THERE: disk: a block/s });
  t.match(got.stdout, /stored as tree\n +NOT MADE HERE: pipe: a fifo/);
  t.equal(readFileSync(join(home, 'tree/one'), 'latin1'), 'a'.repeat(100_000));
  t.match(devices[0]!.orders.at(-1), { verb: 'file.upload', args: { path: '/srv', tree: true } });
  t.match(await run(['get', '-r', 'rack1', '/srv', 'tree']), { code: 0, stdout: /stored as tree\/srv/ });
  t.match(await run(['get', '-r', 'rack1', '/srv', 'tree']), { code: 1, stdout: /is a directory/ });
  t.match(await run(['get', '-r', '--tar', 'rack1', '/srv']), { code: 0, stdout: /stored as srv\.tar/ });
  t.equal(statSync(join(home, 'srv.tar')).size, archive.size);
  t.match(await run(['get', '--tar', 'rack1', '/srv']), { code: 2, stderr: /--tar goes with -r/ });
});

await t.test('get --image and put -r are orders of their own kind', async (t) => {
  const image = new Uint8Array(3_000_000);
  image.fill(7, 1_000_000, 1_001_000);
  const read = async (offset: number, into: Uint8Array) => {
    into.set(image.subarray(offset, offset + into.byteLength));
  };
  devices[0]!.answer = async (order, { blocks, signal, say }) => {
    const common = { id: order.id, chunk: 65_536, clock: systemClock, signal, noProgress: seconds(10) };
    if (order.verb === 'volume.upload') {
      const size = image.byteLength;
      await say({ event: 'offer', id: order.id, size, chunk: 65_536, inode: 7, mtime: 0 });
      const { sha256 } = await sendFile({ ...common, size, port: blocks, read });
      return { result: { volume, size, sha256: new Uint8Array(sha256) } };
    }
    if (order.verb !== 'file.download') return {};
    const { size, sha256 } = order.args;
    const stored = MemoryFile.sized(size);
    const received = await receiveFile({
      ...common,
      size,
      sha256,
      port: blocks,
      have: new ChunkMap(chunksOf(size, 65_536)),
      write: stored.write,
      read: stored.read,
      flush: stored.flush,
      saveMap: async () => undefined,
    });
    if (received.ok) received.value.release();
    const effect = { hash: new Uint8Array(32), blocks: 2, bytes: 8192, changes: [] };
    const counts = { files: 1, directories: 2, symlinks: 0, links: 0, replaced: 0, bytes: 3 };
    return {
      result: { volume, path: order.args.path, effect, dryRun: false, tree: { ...counts, readBack: 1 } },
    };
  };
  const got = await run(['get', 'rack1', 'disk0', 'whole.img', '--image', '--used-only']);
  t.match(got, { code: 0, stdout: /stored as whole\.img; it takes .* here, the rest is holes/ });
  t.match(devices[0]!.orders.at(-1), { verb: 'volume.upload', args: { volume: 'disk0', usedOnly: true } });
  t.equal(Buffer.compare(readFileSync(join(home, 'whole.img')), image), 0);
  t.ok(statSync(join(home, 'whole.img')).blocks * 512 < 300_000, 'a file with holes');
  t.match(await run(['get', 'rack1', 'disk0:/x', '--image']), { code: 2, stderr: /no disk or volume/ });
  t.match(await run(['get', 'rack1', '/x', '--used-only']), { code: 2, stderr: /--used-only with --image/ });

  mkdirSync(join(home, 'app/deep'), { recursive: true });
  writeFileSync(join(home, 'app/deep/one'), 'one');
  const put = await run(['put', '-r', 'app', 'rack1', '/srv/', '--replace']);
  t.match(put, { code: 0, stdout: /\/srv\/app: 1 file, 2 new directories; 3 B put/ });
  t.match(devices[0]!.orders.at(-1), { args: { path: '/srv/app', tree: true, replace: true } });
  t.match(await run(['put', '-r', 'app', 'rack1', '/srv/', '--mode', '0600']), {
    code: 2,
    stderr: /go without -r/,
  });
  t.match(await run(['put', '-r', 'app', 'rack1', '/usr/lib']), { code: 2, stderr: /two people/ });
  t.match(
    await run(['put', '-r', 'app', 'rack1', '/']),
    { code: 2, stderr: /two people/ },
    'above what is vital',
  );
});

await t.test('what a channel gives becomes a file that was not there, of one host', async (t) => {
  const picture = Uint8Array.of(0xff, 0xd8, 7, 0xff, 0xd9);
  answerAll(async () => ({ result: { channel: 'cam', unit: 'jpeg', value: picture } }));
  t.match(await run(['io', 'read', 'rack1', 'cam', '--to', 'rack1.jpg']), {
    code: 0,
    stdout: /cam = 5 bytes ffd807ffd9[\s\S]*written to rack1\.jpg/,
  });
  t.same([...readFileSync(join(home, 'rack1.jpg'))], [...picture]);
  t.match(await run(['io', 'read', 'rack1', 'cam', '--to', 'rack1.jpg']), { code: 1, stdout: /EEXIST/ });
  t.match(await run(['io', 'read', 'rack[1-2]', 'cam', '--to', 'two.jpg']), { code: 2, stderr: /one host/ });
  answerAll(async () => ({ result: { channel: 'temp', unit: 'm°C', value: 21 } }));
  t.match(await run(['io', 'read', 'rack1', 'temp', '--to', 'temp.bin']), {
    code: 1,
    stdout: /gives a number/,
  });
});

await t.test('an image is offered by two people, in whole sectors; what is offered is told', async (t) => {
  writeFileSync(join(home, 'odd.img'), new Uint8Array(1000));
  writeFileSync(join(home, 'even.img'), new Uint8Array(1024));
  t.match(await run(['media', 'offer', 'even.img', 'rack1']), {
    code: 2,
    stderr: /two people, --cosign-key/,
  });
  t.match(await run(['media', 'offer', 'odd.img', 'rack1', '--dry-run']), {
    code: 2,
    stderr: /whole sectors of 512/,
  });
  const sha256 = new Uint8Array(32).fill(0xab);
  answerAll(async () => ({ result: { size: 1024, sha256, dryRun: true } }));
  t.match(await run(['media', 'offer', 'even.img', 'rack1', '--dry-run']), {
    code: 0,
    stdout: /would offer an image of 1\.0 KiB \(1024 B\), read-only, for the next start/,
  });
  const offer = { order: new Uint8Array(16), size: 1024, sha256, started: false, shown: false };
  answerAll(async () => ({ result: { offer, dryRun: true } }));
  t.match(await run(['media', 'show', 'rack1']), {
    code: 0,
    stdout: /offered: an image of 1\.0 KiB \(1024 B\): NOT SHOWN/,
  });
  answerAll(async () => ({ result: { dryRun: false } }));
  t.match(await run(['media', 'withdraw', 'rack1']), { code: 0, stdout: /no image is offered/ });
});
