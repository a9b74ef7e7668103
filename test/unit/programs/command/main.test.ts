import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { startEmbeddedBroker } from '../../../../src/adapters/embedded-broker.ts';
import { systemEntropy } from '../../../../src/adapters/entropy.ts';
import { MqttBus } from '../../../../src/adapters/mqtt/mqtt-bus.ts';
import { openKeyFile } from '../../../../src/adapters/operator-keys.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { seconds } from '../../../../src/base/index.ts';
import { publicKeyText } from '../../../../src/security/index.ts';
import { ArchivePlan, ChunkMap, chunksOf, receiveFile, sendFile } from '../../../../src/transfer/index.ts';
import { buildCli, type CliResult, runCli } from '../../../kit/cli.ts';
import { FakeDevice } from '../../../kit/fake-device.ts';
import { testKey, testKeyring } from '../../../kit/keys.ts';
import { MemoryFile } from '../../../kit/memory-file.ts';

const home = mkdtempSync(join(tmpdir(), 'nightshift-cli-'));
const cli = await buildCli(home);
const broker = await startEmbeddedBroker();
const run = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CliResult> =>
  runCli(cli, args, { cwd: home, env });

const made = await run(['keys', 'new', '--role', 'operator', '--name', 'olga']);
const operator = await openKeyFile(join(home, 'olga.key'), () => Promise.reject(new Error('not encrypted')));
const keyring = testKeyring({ olga: [operator, 'operator'] });
const names = ['rack1', 'rack2', 'rack3'];
const devices: FakeDevice[] = [];
for (const name of names) {
  const options = { broker: { url: broker.url }, clientId: `device-${name}`, cleanSession: true };
  const bus = new MqttBus(options, systemClock, systemEntropy, { log: () => undefined });
  const device = new FakeDevice(bus, name, testKey(), keyring, systemClock, 'acme');
  await device.start();
  devices.push(device);
}
const keys = devices.map((device) => `  ${device.name}: ${publicKeyText(device.key.publicKey)}`).join('\n');
writeFileSync(
  join(home, 'nightshift.yaml'),
  `broker: ${broker.url}\ntenant: acme\nkey: olga.key\ndevices:\n${keys}\ngroups:\n  racks: rack[1-3]\n`,
);
t.teardown(async () => {
  for (const device of devices) await device.bus.close();
  await broker.close();
  rmSync(home, { recursive: true, force: true });
});

const volume = { name: 'disk0p2', type: 'ext4', label: 'root', uuid: 'u', stale: false, notes: [] };
const file = { kind: 'file', mode: 0o644, uid: 0, gid: 0, links: 1, inode: 7, mtime: 1_700_000_000, size: 5 };
const refusal = { code: 'HOST_SUSPENDED', sentence: 'It is suspended.', remedy: 'Shut it down.' };

/** All devices answer in the same way. */
function answerAll(answer: FakeDevice['answer']): void {
  for (const device of devices) device.answer = answer;
}

await t.test('keys new writes a private key for its owner only, and prints the keyring entry', async (t) => {
  t.equal(made.code, 0);
  t.match(made.stdout, /^- name: olga\n {2}role: operator\n {2}key: ed25519:/);
  t.equal(statSync(join(home, 'olga.key')).mode & 0o777, 0o600);
  t.match(await run(['keys', 'new', '--role', 'operator', '--name', 'olga']), {
    code: 2,
    stderr: /there already/,
  });
});

await t.test(
  'an encrypted key opens with the passphrase from a file, never from the command line',
  async (t) => {
    const env = { NIGHTSHIFT_PASSPHRASE_FILE: join(home, 'pass') };
    writeFileSync(env.NIGHTSHIFT_PASSPHRASE_FILE, 'correct horse\n');
    t.equal((await run(['keys', 'new', '--role', 'security', '--name', 'sam'], env)).code, 0);
    t.match(readFileSync(join(home, 'sam.key'), 'utf8'), /ENCRYPTED/);
    t.match(await run(['keys', 'show', 'sam.key'], env), { code: 0, stdout: /role: security/ });
    writeFileSync(env.NIGHTSHIFT_PASSPHRASE_FILE, 'wrong\n');
    t.match(await run(['keys', 'show', 'sam.key'], env), { code: 2, stderr: /passphrase is wrong/ });
    t.match(await run(['keys', 'show', 'sam.key']), { code: 2, stderr: /no terminal/ });
  },
);

await t.test('equal answers of many hosts are one answer', async (t) => {
  answerAll(async () => ({ result: { volume, path: '/etc/fstab', file } }));
  const result = await run(['stat', 'rack[1-3]', '/etc/fstab']);
  t.equal(result.code, 0);
  t.match(result.stdout, /^rack\[1-3\]: succeeded: \/etc\/fstab: file, 5 B\n {2}-rw-r--r--/);
  t.match(result.stdout, /power: S5 throughout\n$/);
  t.equal(result.stderr, '', 'nothing on stderr in a pipe');
});

await t.test('hosts come from a list, and some are left out', async (t) => {
  answerAll(async () => ({ result: { volume, path: '/etc/fstab', file } }));
  writeFileSync(join(home, 'two.txt'), '# down\nrack[1-2]\n');
  t.match((await run(['stat', '^two.txt', '/etc/fstab'])).stdout, /^rack\[1-2\]: succeeded/);
  const piped = await runCli(cli, ['stat', '@all', '/etc/fstab', '--all-but', '^-'], {
    cwd: home,
    input: 'rack2\n',
  });
  t.match(piped, { code: 0, stdout: /^rack\[1,3\]: succeeded/ });
  t.match(await run(['stat', '@racks', '/etc/fstab', '--all-but', 'rak1']), { code: 2, stderr: /"rack1"/ });
  t.match(await run(['stat', '@racks', '/etc/fstab', '--all-but', '@racks']), {
    code: 2,
    stderr: /left out/,
  });
  t.match(
    await run(['send', 'order.txt', '--all-but', 'rack1']),
    { code: 2, stderr: /unknown option/ },
    'refused where it would leave nobody out',
  );
});

await t.test('--watch prints what changes, keeps no receipts, and ends with Ctrl-C', async (t) => {
  const tasks = (state: 'queued' | 'running') => [
    { id: new Uint8Array(16), verb: 'volume.list', state, issuer: new Uint8Array(8) },
  ];
  let asked = 0;
  answerAll(async () => {
    asked += 1;
    // Two rounds of two hosts alike, then another answer.
    return { result: { tasks: asked <= 4 ? [] : tasks('running') } };
  });
  const receipts = join(home, '.local/state/nightshift/receipts/acme/rack1');
  const kept = (): number => (existsSync(receipts) ? readdirSync(receipts, { recursive: true }).length : 0);
  const before = kept();
  const result = await runCli(cli, ['tasks', 'rack[1-2]', '--watch', '2'], {
    cwd: home,
    started: (child) => {
      child.stdout?.on('data', (text: string) => {
        if (text.includes('running')) child.kill('SIGINT');
      });
    },
  });
  t.equal(result.code, 130);
  const TIME = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ\n`;
  const folded = `${TIME}rack\\[1-2\\]: succeeded: `;
  t.match(result.stdout, new RegExp(`^${folded}0 tasks\n.*\n${folded}1 task\n`));
  t.equal(result.stdout.match(/succeeded/g)?.length, 2, 'the same answer is not printed again');
  t.equal(kept(), before);
  t.match(await run(['tasks', '--watch', 'rack1']), { code: 2 });
  t.match(await run(['tasks', 'rack1', '--watch=1']), { code: 2, stderr: /seconds after --watch/ });
  t.match(await run(['chain', 'sync', 'rack1', '--watch']), { code: 2, stderr: /only asks/ });
});

await t.test('a refusal shows code, sentence and remedy, and the status says refused or mixed', async (t) => {
  answerAll(async () => ({ outcome: 'refused', refusal, power: [{ at: 0, state: 'S3', certain: true }] }));
  t.match(await run(['status', '@racks']), {
    code: 3,
    stdout:
      'rack[1-3]: refused HOST_SUSPENDED: It is suspended.\n  remedy: Shut it down.\n  power: S3 throughout\n',
  });
  devices[1]!.answer = async () => ({ result: { channels: [] } });
  t.match(await run(['io', 'list', '@racks']), {
    code: 6,
    stdout: /rack\[1,3\]: refused[\s\S]*rack2: succeeded/,
  });
  answerAll(async () => ({
    outcome: 'failed',
    failure: { code: 'NS_BLOCK_IO', sentence: 'The disk failed.' },
  }));
  t.match(await run(['tasks', 'rack1']), { code: 4, stdout: /^rack1: failed\n {2}NS_BLOCK_IO/ });
});

await t.test('all sensors come by one order, and what is not well is said', async (t) => {
  const reading = { name: 'inlet\u001b[2J', kind: 'temperature', unit: 'm°C', value: 50_000, high: 45_000 };
  answerAll(async () => ({ result: { sensors: [reading], left: 0 } }));
  const { code, stdout } = await run(['sensors', 'rack1']);
  t.equal(code, 0);
  t.match(stdout, /^rack1: succeeded: 1 sensor\n {2}inlet\\u\{1b\}\[2J +50000 +m°C +\.\.45000 +TOO HIGH\n/);
  t.match(devices[0]!.orders.at(-1), { verb: 'sensor.read', args: {} });
});

await t.test('--json gives one object a line', async (t) => {
  answerAll(async () => ({ result: { channel: 'temp', unit: 'm°C', value: 41_000 } }));
  const { code, stdout } = await run(['--json', 'io', 'read', 'rack[1-2]', 'temp']);
  t.equal(code, 0);
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  t.ok(lines.every((line) => line.v === 1));
  const answers = lines.filter((line) => line.outcome !== undefined);
  t.same(new Set(answers.map((line) => line.host)), new Set(['rack1', 'rack2']));
  t.match(answers[0], {
    verb: 'io.read',
    outcome: 'succeeded',
    result: { value: 41_000 },
    power: [{ state: 'S5' }],
  });
});

await t.test(
  'what is wrong with the command line or the configuration is said before anything is sent',
  async (t) => {
    const before = devices[0]!.packets;
    t.match(await run(['stat', 'rak1', '/x']), { code: 2, stderr: /did you mean "rack1"\?/ });
    t.match(await run(['stat', 'rack1', 'etc/fstab']), { code: 2, stderr: /VOLUME:\/PATH/ });
    t.match(await run(['frobnicate']), { code: 2, stderr: /unknown command/ });
    t.match(await run(['disable', 'rack1']), { code: 2, stderr: /needs two people, so nothing was sent/ });
    t.match(await run(['io', 'write', 'rack1', 'led', 'on']), { code: 2, stderr: /text:hello/ });
    t.match(await run(['put', 'absent', 'rack1', '/x']), { code: 1, stderr: /absent cannot be read/ });
    writeFileSync(join(home, 'bad.yaml'), 'brokr: x\n');
    t.match(await run(['--config', 'bad.yaml', 'status', 'rack1']), {
      code: 2,
      stderr: /did you mean "broker"\?/,
    });
    t.equal(devices[0]!.packets, before);
  },
);

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

await t.test('chain shows chains, and chain sync says what to do with them', async (t) => {
  const chains = [{ disk: 'disk0', inStep: true, updatedCount: 0, updated: [], findings: [] }];
  answerAll(async (order) =>
    order.verb === 'chain.status' ? { result: { chains: [] } } : { result: { dryRun: false, chains } },
  );
  t.match(await run(['chain', 'rack1', '--disk', 'disk0', '--after', '128']), { code: 0 });
  t.match(devices[0]!.orders.at(-1), { verb: 'chain.status', args: { disk: 'disk0', after: 128 } });
  t.match(await run(['chain', 'sync', 'rack1', '--disk', 'disk0', '--accept', '00112233aabbccdd']), {
    code: 0,
    stdout: /disk0: in step, 0 records/,
  });
  const question = Buffer.from('00112233aabbccdd', 'hex');
  t.match(devices[0]!.orders.at(-1), {
    verb: 'chain.sync',
    args: { disk: 'disk0', action: { do: 'accept' } },
  });
  const { action } = devices[0]!.orders.at(-1)!.args as { action: { question: Uint8Array } };
  t.equal(Buffer.compare(action.question, question), 0);
  t.match(await run(['chain', 'sync', 'rack1', '--resync', '--accept', '00112233aabbccdd']), {
    code: 2,
    stderr: /not both/,
  });
});

await t.test('a device that is silent and a broker that is not there are unreachable', async (t) => {
  const nowhere = await run(['--timeout', '1s', 'status', 'rack1'], {
    NIGHTSHIFT_BROKER: 'mqtt://127.0.0.1:1',
  });
  t.match(nowhere, { code: 5, stderr: /no connection to mqtt:\/\/127\.0\.0\.1:1: .*ECONNREFUSED/ });
  devices[2]!.deafFor = Number.POSITIVE_INFINITY;
  t.match(await run(['--timeout', '1s', 'status', 'rack3']), {
    code: 5,
    stdout: /^rack3: unreachable: the device does/,
  });
  devices[2]!.deafFor = 0;
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

await t.test('two programs at once never use one counter twice', async (t) => {
  answerAll(async () => ({ result: { channels: [] } }));
  await Promise.all([run(['io', 'list', '@racks']), run(['io', 'list', '@racks'])]);
  const counters = devices.flatMap((device) => device.orders.map((order) => order.ctr));
  t.equal(new Set(counters).size, counters.length);
});

await t.test('explain knows every refusal, and help is worth reading', async (t) => {
  t.match(await run(['explain', 'volume_dirty']), { code: 0, stdout: /remedy: Boot the host/ });
  t.match(await run(['explain', 'VOLUM_DIRTY']), { code: 2, stderr: /did you mean VOLUME_DIRTY/ });
  const { code, stdout } = await run(['--help']);
  t.equal(code, 0);
  for (const word of ['Examples:', 'Exit status:', 'rack[1-40]', 'NIGHTSHIFT_PASSPHRASE_FILE'])
    t.ok(stdout.includes(word));
});
