import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { runCli } from '../../../kit/cli.ts';
import { openCommandSite } from '../../../kit/command-site.ts';

const { home, cli, run, made, devices, answerAll, close } = await openCommandSite();
t.teardown(close);

const volume = { name: 'disk0p2', type: 'ext4', label: 'root', uuid: 'u', stale: false, notes: [] };
const file = { kind: 'file', mode: 0o644, uid: 0, gid: 0, links: 1, inode: 7, mtime: 1_700_000_000, size: 5 };
const refusal = { code: 'HOST_SUSPENDED', sentence: 'It is suspended.', remedy: 'Shut it down.' };

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
