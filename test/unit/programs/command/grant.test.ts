import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { startEmbeddedBroker } from '../../../../src/adapters/embedded-broker.ts';
import { systemEntropy } from '../../../../src/adapters/entropy.ts';
import { MqttBus } from '../../../../src/adapters/mqtt/mqtt-bus.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { draftBytes, newKeyring, readKeyringFile, withoutKey } from '../../../../src/fleet/index.ts';
import {
  holderByGrants,
  Keyring,
  PassRows,
  publicKeyFromText,
  publicKeyText,
  unpackPass,
} from '../../../../src/security/index.ts';
import { buildCli, type CliResult, runCli } from '../../../kit/cli.ts';
import { FakeDevice } from '../../../kit/fake-device.ts';
import { testKey } from '../../../kit/keys.ts';

const home = mkdtempSync(join(tmpdir(), 'nightshift-grant-'));
const cli = await buildCli(home);
const broker = await startEmbeddedBroker();
const run = (...args: readonly string[]): Promise<CliResult> => runCli(cli, args, { cwd: home });
const as = (who: string, ...args: readonly string[]) => run('--config', `${who}.yaml`, ...args);

const keys: Record<string, string> = {};
await Promise.all(
  ['olga', 'tom', 'uli'].map(async (name) => {
    const made = await run('keys', 'new', '--role', 'operator', '--name', name);
    keys[name] = /ed25519:\S+/.exec(made.stdout)![0];
  }),
);
// The device knows olga alone.
const people = [{ name: 'olga', role: 'operator' as const, key: keys.olga! }];
const bus = new MqttBus(
  { broker: { url: broker.url }, clientId: 'device', cleanSession: true },
  systemClock,
  systemEntropy,
  { log: () => undefined },
);
const device = new FakeDevice(bus, 'rack1', testKey(), new Keyring(people), systemClock, 'acme');
device.answer = async () => ({ result: { channels: [] } });
await device.start();
const configOf = (who: string, more: object = {}) =>
  writeFileSync(
    join(home, `${who}.yaml`),
    JSON.stringify({
      broker: broker.url,
      tenant: 'acme',
      key: `${who}.key`,
      devices: { rack1: publicKeyText(device.key.publicKey) },
      people,
      ...more,
    }),
  );
configOf('olga');
configOf('tom', { grant: 'tom.grant' });
configOf('uli');
t.teardown(async () => {
  await bus.close();
  await broker.close();
  rmSync(home, { recursive: true, force: true });
});

const day = (after: number) => new Date(Date.now() + after * 86_400_000).toISOString();
const narrow = ['--verbs', 'file.*', 'io.list', '--hosts', 'rack1', '--until', day(1)];

await t.test('a right is passed on in words, after a question, and into a new file', async (t) => {
  const give = ['grant', '--to', 'tom.key.pub', ...narrow, '--again', '--out', 'tom.grant'];
  t.match(await as('olga', ...give), { code: 2, stderr: /Give this to tom\?.*--yes/ });
  t.notOk(existsSync(join(home, 'tom.grant')));
  const made = await as('olga', ...give, '--yes');
  t.match(made, {
    code: 0,
    stdout:
      /^a right in the tenant "acme".*\nolga, operator, key \w{16}, passes on to\n {2}tom, held by tom, key \w{16}\n {2}may, as far as the giver may: file\.\*, io\.list on rack1, until .*\n {2}MAY pass it on once more\n/,
    stderr: /--grant tom\.grant/,
  });
  t.match(made.stdout, /signatures: hold; tom for olga orders as operator/);
  t.match(await as('olga', ...give, '--yes'), { code: 2, stderr: /there already/ });
  t.match(await as('uli', 'grant', 'show', 'tom.grant'), { code: 0, stdout: /tom, held by tom/ });
  configOf('nobody', { people: [] });
  t.match(await as('nobody', 'grant', 'show', 'tom.grant'), {
    code: 0,
    stdout: /NOT KNOWN HERE[\s\S]*signatures: not checked/,
  });
  t.match(JSON.parse((await as('olga', '--json', 'grant', 'show', 'tom.grant')).stdout), {
    name: 'tom',
    again: 1,
    scopes: [{ verbs: ['file.*', 'io.list'], hosts: ['rack1'] }],
  });
});

await t.test('who holds a grant orders by it, and the answer says for whom', async (t) => {
  t.match(await as('olga', '--key', 'tom.key', 'io', 'list', 'rack1'), {
    code: 3,
    stdout: /KEY_UNKNOWN/,
  });
  t.match(await as('tom', 'io', 'list', 'rack1'), { code: 0, stdout: /succeeded/ });
  t.match(device.orders.at(-1), { verb: 'io.list', grants: [Uint8Array] });
  t.match(await as('olga', '--key', 'tom.key', '--grant', 'tom.grant', 'io', 'list', 'rack1'), { code: 0 });
  t.match(await as('uli', '--grant', 'tom.grant', 'io', 'list', 'rack1'), {
    code: 2,
    stderr: /a grant to another key/,
  });
  t.match(
    await as('tom', '--key', 'olga.key', 'io', 'list', 'rack1'),
    { code: 0 },
    'another key has its own right',
  );
  t.equal(device.orders.at(-1)?.grants, undefined);
});

await t.test('it is passed on once more, and not a third time', async (t) => {
  const to = ['grant', '--to', keys.uli!, '--verbs', 'io.list', '--until', day(2), '--yes'];
  t.match(await as('tom', ...to, '--name', 'uli', '--out', 'uli.grant'), {
    code: 0,
    stdout:
      /olga, operator, key [\s\S]*passes on to\n {2}tom, [\s\S]*tom, key \w{16}, passes on to\n {2}uli, [\s\S]*may not pass it on\n[\s\S]*uli for tom for olga/,
  });
  t.match(await as('uli', '--grant', 'uli.grant', 'io', 'list', 'rack1'), { code: 0 });
  t.ok(device.orders.at(-1)!.exp! <= Math.floor(Date.now() / 1000) + 600);
  t.match(await as('tom', ...to, '--name', 'uli', '--again', '--out', 'x.grant'), {
    code: 2,
    stderr: /twice at most/,
  });
  configOf('uli', { grant: 'uli.grant' });
  t.match(
    await as(
      'uli',
      'grant',
      '--to',
      'olga.key.pub',
      '--verbs',
      'io.list',
      '--until',
      day(1),
      '--out',
      'x.grant',
    ),
    {
      code: 2,
      stderr: /may not pass it on/,
    },
  );
  t.notOk(existsSync(join(home, 'x.grant')));
});

await t.test('what makes no grant is said before anything is signed', async (t) => {
  const base = ['--to', 'tom.key.pub', '--verbs', 'io.list', '--until', day(1), '--out', 'x.grant', '--yes'];
  const without = (name: string) => base.filter((_, at) => base[at] !== name && base[at - 1] !== name);
  const wrong: [readonly string[], RegExp][] = [
    [without('--to'), /to whose key/],
    [without('--verbs'), /what is passed on/],
    [without('--until'), /when it ends/],
    [[...base, '--until', day(32)], /more than 31 days/],
    [[...base, '--verbs', 'everything'], /verbs/],
    [[...base, '--to', 'olga.key.pub'], /your own key/],
  ];
  await Promise.all(
    wrong.map(async ([args, says]) => {
      t.match(await as('olga', 'grant', ...args), { code: 2, stderr: says }, args.join(' '));
    }),
  );
  t.match(
    await as('tom', 'disable', 'rack1', '--yes'),
    { code: 2 },
    'an order of two people is not given by it',
  );
  const torn = readFileSync(join(home, 'tom.grant'), 'utf8').replace(/[A-Za-z]\n/, '\n');
  writeFileSync(join(home, 'torn.grant'), torn);
  t.match(await as('olga', 'grant', 'show', 'torn.grant'), { code: 2, stderr: /damaged/ });
  configOf('abroad', { tenant: 'other', key: 'tom.key', grant: 'tom.grant' });
  t.match(await as('abroad', 'grant', 'show', 'tom.grant'), { code: 2, stderr: /tenant "acme"/ });
  t.match(await as('abroad', 'io', 'list', 'rack1'), { code: 2, stderr: /tenant "acme"/ });
  t.notOk(existsSync(join(home, 'x.grant')));
});

await t.test('another scope stands beside the one before', async (t) => {
  const args = ['--to', 'tom.key.pub', '--until', day(1), '--yes'];
  await as('olga', 'grant', ...args, '--verbs', 'file.*', '--paths', '/var/log', '--out', 'one.grant');
  t.match(
    await as(
      'olga',
      'grant',
      ...args,
      '--verbs',
      'machine.status',
      '--beside',
      'one.grant',
      '--out',
      'two.grant',
    ),
    { code: 0, stdout: /file\.\* under \/var\/log; or machine\.status, until/ },
  );
  t.match(
    await as(
      'olga',
      'grant',
      ...args,
      '--to',
      'uli.key.pub',
      '--verbs',
      'io.list',
      '--beside',
      'one.grant',
      '--out',
      'x.grant',
    ),
    { code: 2, stderr: /grant to another key/ },
  );
});

await t.test('a key that is in no keyring is revoked by what it is', async (t) => {
  const roots = {
    threshold: 2,
    keys: [
      { name: 'ann', person: 'ann', key: keys.uli! },
      { name: 'ben', person: 'ben', key: publicKeyText(testKey().publicKey) },
    ],
  };
  const file = { document: newKeyring('acme', roots) };
  const { revoked } = withoutKey(file, keys.tom!);
  t.same(revoked, [publicKeyFromText(keys.tom!).keyId]);
  t.ok(readKeyringFile(draftBytes({ ...file.document, revoked })));
  t.throws(() => withoutKey(file, 'tom'), { code: 'NS_KEYRING_INVALID' });
  t.throws(() => withoutKey(file, 'ed25519:tom'), { code: 'NS_KEY_INVALID' });
});

await t.test(
  'console-pass signs what lets somebody in at one console, to be typed or shown as a QR code',
  async (t) => {
    const made = await as('olga', 'console-pass', 'rack1', '--for', 'kim', '--verbs', 'file.stat', '--yes');
    t.equal(made.code, 0);
    t.match(made.stderr, /kim logs in at the console of rack1 as kim, once, until .*: file\.stat\./);
    const rows = made.stdout.split('\n').filter((row) => row !== '' && !row.startsWith('-----'));
    const reader = new PassRows();
    const answers = rows.map((row) => reader.take(row));
    const last = answers.at(-1)!;
    t.equal(last.is, 'whole');
    const packet =
      last.is === 'whole'
        ? unpackPass(last.packed, { tenant: 'acme', device: 'rack1', deviceKey: device.key.publicKey })
        : undefined;
    const held = holderByGrants([packet!], device.key.publicKey.keyId, new Keyring(people), 'acme');
    t.match(held, {
      ok: true,
      value: { name: 'kim for olga', scopes: [{ verbs: ['file.stat'], hosts: ['rack1'] }] },
    });
    const json = await as('olga', '--json', 'console-pass', 'rack1', '--for', 'kim', '--yes');
    t.match(JSON.parse(json.stdout), { line: 'pass', host: 'rack1', name: 'kim', qr: /^NSP1:[0-9A-Z]+$/ });
    const qr = await as('olga', 'console-pass', 'rack1', '--for', 'kim', '--qr', '--yes');
    t.match(qr.stdout, /\u2588{20}/);
    for (const wrong of [
      ['--for', 'Kim Lee'],
      ['--for', 'kim', '--hours', '169'],
      ['--for', 'kim', '--hours', '0'],
      [],
    ])
      t.equal((await as('olga', 'console-pass', 'rack1', ...wrong, '--yes')).code, 2, wrong.join(' '));
    t.match(await as('olga', 'console-pass', 'rack9', '--for', 'kim', '--yes'), {
      code: 2,
      stderr: /no public key/,
    });
    t.match(await as('tom', 'console-pass', 'rack1', '--for', 'kim', '--yes'), {
      code: 2,
      stderr: /your right was passed on to you/,
    });
  },
);
