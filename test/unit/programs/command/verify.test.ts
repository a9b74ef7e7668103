import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { startEmbeddedBroker } from '../../../../src/adapters/embedded-broker.ts';
import { systemEntropy } from '../../../../src/adapters/entropy.ts';
import { MqttBus } from '../../../../src/adapters/mqtt/mqtt-bus.ts';
import { openKeyFile } from '../../../../src/adapters/operator-keys.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { encodeEvidence } from '../../../../src/fleet/index.ts';
import { publicKeyText } from '../../../../src/security/index.ts';
import { buildCli, type CliResult, runCli } from '../../../kit/cli.ts';
import { FakeDevice } from '../../../kit/fake-device.ts';
import { testKey, testKeyring } from '../../../kit/keys.ts';
import { Witness } from '../../../kit/witness.ts';

const home = mkdtempSync(join(tmpdir(), 'nightshift-verify-'));
const cli = await buildCli(home);
const broker = await startEmbeddedBroker();
const run = (...args: readonly string[]): Promise<CliResult> => runCli(cli, args, { cwd: home });
await run('keys', 'new', '--role', 'security', '--name', 'sam');
const sam = await openKeyFile(join(home, 'sam.key'), () => Promise.reject(new Error('not encrypted')));
const options = { broker: { url: broker.url }, clientId: 'device-rack1', cleanSession: true };
const bus = new MqttBus(options, systemClock, systemEntropy, { log: () => undefined });
const device = new FakeDevice(
  bus,
  'rack1',
  testKey(),
  testKeyring({ sam: [sam, 'security'] }),
  systemClock,
  'acme',
);
await device.start();
t.teardown(async () => {
  await device.bus.close();
  await broker.close();
  rmSync(home, { recursive: true, force: true });
});
const samEntry = readFileSync(join(home, 'sam.key.pub'), 'utf8');
writeFileSync(
  join(home, 'nightshift.yaml'),
  `broker: ${broker.url}\ntenant: acme\nkey: sam.key\nreceipts: kept\ndevices:\n  rack1: ${publicKeyText(device.key.publicKey)}\n`,
);
writeFileSync(join(home, 'keyring.yaml'), samEntry);
writeFileSync(join(home, 'agent.yaml'), `device: rack1\nkeyring:\n${samEntry.replace(/^/gm, '  ')}\n`);

/** Its log, as a device keeps one. */
const log = new Witness();
device.answer = async (order) => {
  const audit = { ...log.head };
  if (order.verb !== 'audit.read') return { result: { tasks: [] }, audit };
  const from = (order.args as { from?: number }).from ?? 0;
  const entries = log.entries.slice(from, from + 2);
  const to = from + entries.length;
  const next = to < log.entries.length ? { next: to } : {};
  const result = {
    head: log.before[to] ?? log.head.hash,
    before: log.before[from] ?? log.head.hash,
    entries,
    ...next,
  };
  return { result, audit };
};
const folder = join(home, 'kept', 'acme', 'rack1', '00000000');
const verify = (...args: readonly string[]) => run('verify', '--keyring', 'keyring.yaml', ...args);

await t.test(
  'there is nothing to check before there is a receipt, and that is not "all holds"',
  async (t) => {
    t.match(await verify(), { code: 2, stderr: /kept/ });
  },
);

await t.test(
  'each receipt that comes is kept beside the configuration, and checked without any device',
  async (t) => {
    log.append('io.write led');
    t.equal((await run('tasks', 'rack1')).code, 0);
    const [name, ...more] = readdirSync(folder);
    t.same(more, []);
    t.equal(statSync(join(folder, name!)).mode & 0o777, 0o600);
    const result = await verify();
    t.equal(result.code, 0, result.stderr);
    t.match(result.stdout, /rack1, receipt 1: task\.list succeeded; the device's signature holds/);
    t.match(result.stdout, /asked by sam \(security, key [0-9a-f]{16}\); the signature holds/);
    t.match(result.stdout, /power: S5 throughout/);
    t.match(result.stdout, /1 file checked: all holds\n$/);
    t.match(
      await run('verify', '--keyring', 'agent.yaml', join('kept', 'acme')),
      { code: 0 },
      "an agent's own configuration",
    );
  },
);

await t.test('without the key of who asked, that stays unchecked and the status says so', async (t) => {
  t.match(await run('verify'), {
    code: 6,
    stdout: /not checked SIGNER_UNKNOWN[\s\S]*nothing wrong, 1 thing not checked/,
  });
});

await t.test('--json gives one object a file, a device and a sum', async (t) => {
  const { stdout, code } = await run('--json', 'verify', '--keyring', 'keyring.yaml');
  t.equal(code, 0);
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  t.match(lines, [
    {
      v: 1,
      host: 'rack1',
      signers: [{ name: 'sam', role: 'security' }],
      receipt: { seq: 1, outcome: 'succeeded' },
      findings: [],
    },
    { v: 1, host: 'rack1', chain: { receipts: 1, gaps: [] } },
    { v: 1, files: 1, wrong: 0, unchecked: 0, note: 0, holds: true },
  ]);
});

await t.test('audit reads the log and checks it against every receipt kept', async (t) => {
  for (const detail of ['io.write fan', 'file.stat', 'file.delete']) log.append(detail);
  const page = await run('audit', 'rack1');
  t.equal(page.code, 0, page.stdout);
  t.match(page.stdout, /there is more: --from 2/);
  const all = await run('audit', 'rack1', '--all');
  t.equal(all.code, 0, all.stdout);
  t.match(all.stdout, /3 +2023-\S+ \S+ +order\.succeeded/);
  t.match(all.stdout, /audit log: entries read: 0-3; \d heads seen, all lie in them/);
});

await t.test('a log that is put back to an older state is found by the next command', async (t) => {
  const restore = log.backup();
  log.entries = log.entries.slice(0, 2);
  log.head = { seq: 2, hash: log.before[2]! };
  log.before = log.before.slice(0, 2);
  const result = await run('audit', 'rack1', '--all');
  t.equal(result.code, 4);
  t.match(result.stdout, /DO NOT HOLD[\s\S]*AUDIT_CUT/);
  t.match(await verify(), { code: 4, stdout: /WRONG AUDIT_CUT.*4 entries.*and 2 at/ });
  restore();
});

await t.test('one altered bit is found, and where', async (t) => {
  const [name = ''] = readdirSync(folder);
  const path = join(folder, name);
  const bytes = readFileSync(path);
  const bent = Buffer.from(bytes);
  bent[bent.length - 70]! ^= 1;
  writeFileSync(path, bent);
  const result = await verify(path);
  t.equal(result.code, 4);
  t.match(result.stdout, new RegExp(`${name}\n {2}WRONG SIGNATURE_INVALID`));
  writeFileSync(path, bytes);
  t.equal((await verify(path)).code, 0);
});

await t.test('--file holds receipts of a put or a get against the file itself', async (t) => {
  const there = new Witness();
  const contents = Buffer.from('what was put');
  const sha256 = new Uint8Array(createHash('sha256').update(contents).digest());
  const kept = await there.give({
    order: { verb: 'file.download', args: { path: '/f', size: contents.byteLength, sha256 } },
    receipt: {
      result: {
        volume: { name: 'disk0', type: 'ext4', label: '', uuid: '', stale: false, notes: [] },
        path: '/f',
        effect: { hash: sha256, blocks: 1, bytes: 4096, changes: [] },
        dryRun: false,
        readBack: { from: 'medium', samples: [{ offset: 0, length: contents.byteLength, sha256 }] },
      },
    },
  });
  writeFileSync(join(home, 'put.receipt'), encodeEvidence(kept));
  writeFileSync(join(home, 'put.txt'), contents);
  writeFileSync(join(home, 'other.txt'), 'something else');
  const olga = JSON.stringify([
    { name: 'olga', role: 'operator', key: publicKeyText(there.operator.publicKey) },
  ]);
  writeFileSync(join(home, 'olga.yaml'), olga);
  const keys = ['--keyring', 'olga.yaml', '--device', `host1=${publicKeyText(there.key.publicKey)}`];
  const held = (file: string) => run('verify', ...keys, '--file', file, 'put.receipt');
  t.match(await held('put.txt'), { code: 0, stdout: /read back from the disk itself: 1 range/ });
  t.match(await held('other.txt'), { code: 4, stdout: /WRONG OTHER_FILE/ });
  t.match(await held('missing.txt'), { code: 1, stderr: /missing\.txt/ });
  t.match(await verify('--file', 'put.txt'), { code: 2, stderr: /is about a file that was got or put/ });
});

await t.test('a receipts folder that cannot be written stops an order before it is sent', async (t) => {
  writeFileSync(join(home, 'no-folder'), '');
  const config = readFileSync(join(home, 'nightshift.yaml'), 'utf8').replace(
    'receipts: kept',
    'receipts: no-folder',
  );
  writeFileSync(join(home, 'bad.yaml'), config);
  const before = device.packets;
  t.match(await run('--config', 'bad.yaml', 'tasks', 'rack1'), {
    code: 2,
    stderr: /no-folder cannot be written/,
  });
  t.equal(device.packets, before);
});
