import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { startEmbeddedBroker } from '../../../../src/adapters/embedded-broker.ts';
import { systemEntropy } from '../../../../src/adapters/entropy.ts';
import { MqttBus } from '../../../../src/adapters/mqtt/mqtt-bus.ts';
import { openKeyFile } from '../../../../src/adapters/operator-keys.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { encodeTokenFile, expandHosts } from '../../../../src/fleet/index.ts';
import {
  type Destruction,
  Keyring,
  openToken,
  publicKeyText,
  type Role,
  signToken,
} from '../../../../src/security/index.ts';
import { buildCli, type CliResult, runCli } from '../../../kit/cli.ts';
import { FakeDevice } from '../../../kit/fake-device.ts';
import { testKey } from '../../../kit/keys.ts';
import { quickKeyFile } from '../../../kit/quick-key.ts';

const home = mkdtempSync(join(tmpdir(), 'nightshift-two-'));
const cli = await buildCli(home);
const broker = await startEmbeddedBroker();
/** A command as this person types it. */
const as = (who: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CliResult> =>
  runCli(cli, ['--config', `${who}.yaml`, ...args], { cwd: home, env });

/** Sam's key has a passphrase; so has Tess's, another one. */
const passes: Record<string, string | undefined> = {
  sam: 'correct horse',
  tess: 'battery staple',
  mallory: undefined,
};
const others: Record<string, Role> = { gina: 'governor', olga: 'operator', otto: 'operator' };
const entries: { name: string; role: Role; key: string }[] = [];
const secret: Record<string, NodeJS.ProcessEnv> = {};
for (const name of [...Object.keys(passes), ...Object.keys(others)]) {
  const pass = passes[name];
  if (pass !== undefined) {
    writeFileSync(join(home, `${name}.pass`), `${pass}\n`);
    secret[name] = { NIGHTSHIFT_PASSPHRASE_FILE: join(home, `${name}.pass`) };
  }
  const role = others[name] ?? 'security';
  const key = quickKeyFile(join(home, `${name}.key`), pass);
  entries.push({ name, role, key: publicKeyText(key.publicKey) });
}
const keyring = new Keyring(entries);
const devices: FakeDevice[] = [];
for (const name of ['rack1', 'rack2']) {
  const options = { broker: { url: broker.url }, clientId: `device-${name}`, cleanSession: true };
  const bus = new MqttBus(options, systemClock, systemEntropy, { log: () => undefined });
  const device = new FakeDevice(bus, name, testKey(), keyring, systemClock, 'acme');
  await device.start();
  devices.push(device);
}
const [rack1, rack2] = devices as [FakeDevice, FakeDevice];
const lock = { state: 'disabled', version: 1, inForce: ['power-button-masked'] };
for (const device of devices) device.answer = async () => ({ result: { lock, changed: true } });
const orders = () => devices.map((device) => device.orders.length);

function configOf(who: string, people: readonly string[]): void {
  const known = entries.filter(({ name }) => people.includes(name));
  writeFileSync(
    join(home, `${who}.yaml`),
    JSON.stringify({
      broker: broker.url,
      tenant: 'acme',
      ...(who === 'relay' ? {} : { key: `${who}.key` }),
      devices: Object.fromEntries(devices.map((d) => [d.name, publicKeyText(d.key.publicKey)])),
      people: known,
    }),
  );
}
for (const who of ['sam', 'tess', 'gina', 'olga', 'otto'])
  configOf(who, ['sam', 'tess', 'gina', 'olga', 'otto']);
configOf('mallory', ['sam', 'tess', 'mallory']);
// Somebody who knows nobody and has no key can still carry a file.
configOf('relay', []);
t.teardown(async () => {
  for (const device of devices) await device.bus.close();
  await broker.close();
  rmSync(home, { recursive: true, force: true });
});

const gina = await openKeyFile(join(home, 'gina.key'), async () => '');
const issued = { lock: 0, wipe: 0, files: 0 };
/** A file with a token of epoch 7 for each of these hosts, with numbers that nothing else has. */
async function tokens(hosts: string, kind: Destruction = 'lock'): Promise<string> {
  const packets: Uint8Array[] = [];
  for (const device of expandHosts(hosts)) {
    issued[kind] += 1;
    packets.push(
      await signToken({ v: 1, epoch: 7, for: kind, n: issued[kind], device, at: 1 }, gina, 'acme'),
    );
  }
  issued.files += 1;
  const file = `tokens-${issued.files}.txt`;
  writeFileSync(join(home, file), encodeTokenFile({ tenant: 'acme', packets }));
  return file;
}

await t.test('in two places: sign, show, cosign, send', async (t) => {
  const signed = await as(
    'sam',
    [
      ...['sign', 'disable', 'rack[1-2]', '--reason', 'stolen', '-o', 'o.txt'],
      ...['--tokens', await tokens('rack[1-2]')],
    ],
    secret.sam,
  );
  t.match(signed, {
    code: 0,
    stdout:
      /^2 orders.*\ndestructive: 2 hosts disabled; takes 2 tokens.*\nrack\[1-2\]: DISABLE.*\n {2}reason: "stolen"[\s\S]*token: lock, epoch 7, signed by gina, governor[\s\S]*token numbers: rack1 1, rack2 2/,
    stderr: /nightshift cosign o\.txt/,
  });
  t.match(signed.stdout, /still needs: the signature of another person/);
  t.match(await as('sam', ['send', 'o.txt', '--yes']), {
    code: 2,
    stderr: /one person only, so nothing was sent/,
  });
  t.match(await as('tess', ['show', 'o.txt']), { code: 0, stdout: /signed by: sam, security/ });
  t.match(await as('tess', ['cosign', 'o.txt'], secret.tess), {
    code: 2,
    stderr: /Sign these 2 orders\?.*--yes/,
  });
  t.match(await as('tess', ['cosign', 'o.txt', '-o', 'both.txt', '--yes'], secret.tess), {
    code: 0,
    stderr: /nightshift send both\.txt/,
  });
  t.match(await as('tess', ['cosign', 'o.txt', '-o', 'both.txt', '--yes'], secret.tess), {
    code: 2,
    stderr: /there already/,
  });
  t.same(orders(), [0, 0], 'nothing has been sent so far');
  const sent = await as('relay', ['send', 'both.txt', '--yes']);
  t.match(sent, { code: 0, stdout: /rack\[1-2\]: succeeded: disabled/ });
  t.match(rack1.orders, [{ verb: 'machine.disable', args: { reason: 'stolen' }, exp: undefined }]);
  t.same(orders(), [1, 1]);
  t.match(await as('relay', ['send', 'both.txt', '--yes']), { code: 0 });
  t.same(orders(), [1, 1], 'sent again it is the same order, and done once');
});

await t.test('a file is signed in place, and says so as JSON too', async (t) => {
  await as(
    'sam',
    ['sign', 'enable', 'rack1', '--reason', 'found', '--valid', '2h', '-o', 'e.txt'],
    secret.sam,
  );
  t.equal((await as('tess', ['cosign', 'e.txt', '-y'], secret.tess)).code, 0);
  const line = JSON.parse((await as('sam', ['--json', 'show', 'e.txt'])).stdout);
  t.match(line, {
    host: 'rack1',
    verb: 'machine.enable',
    args: { reason: 'found' },
    people: 2,
    signatures: [{ name: 'sam' }, { name: 'tess' }],
  });
  t.ok(Math.abs(line.exp - Date.now() / 1000 - 7200) < 600);
  t.match(await as('sam', ['send', 'e.txt', '--yes']), { code: 0 });
  t.match(rack1.orders.at(-1), { verb: 'machine.enable', exp: line.exp });
});

await t.test("a stranger's draft, a forged one and one's own are not signed", async (t) => {
  const some = await tokens('rack1');
  await as('mallory', ['sign', 'disable', 'rack1', '-o', 'm.txt', '--tokens', some]);
  const before = readFileSync(join(home, 'm.txt'), 'utf8');
  t.match(await as('tess', ['show', 'm.txt']), {
    code: 0,
    stdout: /NOT KNOWN HERE/,
  });
  t.match(await as('tess', ['cosign', 'm.txt', '--yes'], secret.tess), {
    code: 2,
    stderr: /not among the "people"/,
  });
  t.equal(readFileSync(join(home, 'm.txt'), 'utf8'), before);
  const others = await tokens('rack1');
  await as('sam', ['sign', 'disable', 'rack1', '-o', 's.txt', '--tokens', others], secret.sam);
  t.match(await as('sam', ['cosign', 's.txt', '--yes'], secret.sam), { code: 2, stderr: /already/ });
  writeFileSync(join(home, 'torn.txt'), before.replace(/[A-Za-z]\n/, '\n'));
  t.match(await as('tess', ['show', 'torn.txt']), { code: 2, stderr: /damaged on its way/ });
  t.match(await as('tess', ['show', 'absent.txt']), { code: 2, stderr: /absent\.txt: cannot be read/ });
  t.match(await as('sam', ['sign', 'enable', 'rack1', '-o', 's.txt'], secret.sam), {
    code: 2,
    stderr: /there already/,
  });
  t.match(await as('sam', ['sign', 'wipe', 'rack1', '-o', 'w.txt'], secret.sam), {
    code: 2,
    stderr: /unknown command 'wipe'/,
  });
  t.match(await as('sam', ['sign', 'enable', 'rack1', '--valid', '999h', '-o', 'w.txt'], secret.sam), {
    code: 2,
    stderr: /7 days/,
  });
  t.notOk(existsSync(join(home, 'w.txt')));
});

await t.test('at one desk: both keys, each with its own passphrase', async (t) => {
  const [one] = orders();
  const env = { ...secret.sam, NIGHTSHIFT_COSIGN_PASSPHRASE_FILE: join(home, 'tess.pass') };
  const cosigned = ['--cosign-key', 'tess.key', '--yes', '--reason', 'stolen', '--tokens'];
  cosigned.push(await tokens('rack1'));
  t.match(await as('sam', ['disable', 'rack1', ...cosigned], env), {
    code: 0,
    stdout: /succeeded: disabled/,
  });
  t.match(await as('sam', ['enable', 'rack1', '--cosign-key', 'tess.key'], env), { code: 0 });
  t.same(orders()[0], one! + 3, 'the enable order asks for a nonce first');
  t.match(await as('sam', ['disable', 'rack1', '--yes'], env), {
    code: 2,
    stderr:
      /needs two people, so nothing was sent.*--cosign-key.*nightshift sign disable rack1.*cosign.*send/,
  });
  t.match(await as('sam', ['enable', 'rack1'], env), { code: 2, stderr: /needs two people/ });
  const more = ['--tokens', await tokens('rack1')];
  t.match(await as('sam', ['disable', 'rack1', '--cosign-key', 'tess.key', ...more], env), {
    code: 2,
    stderr: /budget: takes 1 token for lock of epoch 7, signed by gina: rack1 number \d+\n.*--yes/,
  });
  t.match(
    await as('sam', ['disable', 'rack1', '--cosign-key', 'sam.key', '--yes', ...more], {
      ...env,
      NIGHTSHIFT_COSIGN_PASSPHRASE_FILE: join(home, 'sam.pass'),
    }),
    {
      code: 2,
      stderr: /signs already/,
    },
  );
  const fresh = [...cosigned.slice(0, -1), await tokens('rack1')];
  t.match(await as('sam', ['disable', 'rack1', ...fresh], secret.sam), { code: 2, stderr: /no terminal/ });
  t.same(orders()[0], one! + 3, 'none of these was sent');
  t.equal(rack2.orders.length, 1);
});

await t.test('deleting a tree takes two people and a token, in two places and at one desk', async (t) => {
  const [one] = orders();
  const tree = ['rack[1-2]', '/srv/old', '-r'];
  t.match(await as('olga', ['rm', ...tree]), {
    code: 2,
    stderr:
      /DELETE \/srv\/old AND ALL IN IT: that needs two people.*nightshift sign rm rack\[1-2\] \/srv\/old -r/,
  });
  t.match(await as('olga', ['rm', ...tree, '--cosign-key', 'otto.key', '--yes']), {
    code: 2,
    stderr: /only with a token.*token issue rack\[1-2\] --for wipe/,
  });
  t.match(await as('olga', ['sign', 'rm', 'rack1', '/srv/old', '-o', 'rm.txt']), {
    code: 2,
    stderr: /DELETE \/srv\/old: one person gives that/,
  });
  t.match(await as('olga', ['sign', 'rm', ...tree, '-o', 'rm.txt', '--tokens', await tokens('rack[1-2]')]), {
    code: 2,
    stderr: /has none for wipe that is left for rack\[1-2\]/,
  });
  const wipe = await tokens('rack[1-2]', 'wipe');
  t.match(await as('olga', ['sign', 'rm', ...tree, '-o', 'rm.txt', '--tokens', wipe]), {
    code: 0,
    stdout:
      /^2 orders.*\ndestructive: 2 hosts losing what cannot be brought back; takes 2 tokens.*\nrack\[1-2\]: DELETE \/srv\/old AND ALL IN IT\n[\s\S]*token: wipe, epoch 7, signed by gina/,
  });
  t.match(JSON.parse((await as('otto', ['--json', 'show', 'rm.txt'])).stdout.split('\n')[1]!), {
    host: 'rack2',
    verb: 'file.delete',
    token: { for: 'wipe', epoch: 7, n: 2, device: 'rack2', governor: { name: 'gina' } },
  });
  t.match(await as('otto', ['cosign', 'rm.txt', '--yes']), {
    code: 0,
    stdout: /DELETE.*\n[\s\S]*numbers: rack1 1/,
  });
  t.match(await as('relay', ['send', 'rm.txt', '--yes']), { code: 0, stdout: /NOT KNOWN HERE/ });
  t.match(rack2.orders.at(-1), { verb: 'file.delete', args: { path: '/srv/old', recursive: true } });
  t.match(openToken(rack2.orders.at(-1)!.token!, keyring, 'acme'), { ok: true, value: { n: 2 } });
  t.same(orders()[0], one! + 1);
  const desk = ['--cosign-key', 'otto.key', '--tokens', await tokens('rack1', 'wipe')];
  t.match(await as('olga', ['rm', 'rack1', '/boot/grub', ...desk]), {
    code: 2,
    stderr:
      /takes 1 token for wipe.*\n.*DELETE \/boot\/grub: a host needs that to start on one host: rack1\? Say --yes/,
  });
  t.match(await as('olga', ['rm', 'rack1', '/boot/grub', ...desk, '--yes']), { code: 0 });
  t.match(await as('olga', ['rm', 'rack1', '/srv/old', '-r', '--dry-run']), { code: 0 });
  t.equal(rack1.orders.at(-1)!.token, undefined, 'a dry run uses up nothing');
});

await t.test('a file that a host needs is replaced with the very file that two people signed', async (t) => {
  writeFileSync(join(home, 'fstab'), '/dev/sda1 / ext4\n');
  writeFileSync(join(home, 'evil'), '/dev/sdb1 / ext4\n');
  const put = ['put', 'fstab', 'rack1', '/etc/fstab', '--replace'];
  t.match(await as('olga', put), { code: 2, stderr: /REPLACE \/etc\/fstab: a host needs that to start/ });
  await as('olga', ['sign', ...put, '-o', 'put.txt', '--tokens', await tokens('rack1', 'wipe')]);
  t.match(await as('otto', ['cosign', 'put.txt', '--yes']), {
    code: 0,
    stderr: /Next: nightshift send put\.txt --file FILE/,
  });
  const before = rack1.packets;
  t.match(await as('otto', ['send', 'put.txt', '--yes']), { code: 2, stderr: /name it with --file/ });
  t.match(await as('otto', ['send', 'put.txt', '--yes', '--file', 'evil']), {
    code: 2,
    stderr: /signed for another file than evil; nothing was sent/,
  });
  t.equal(rack1.packets, before);
  t.match(await as('otto', ['send', 'put.txt', '--yes', '--file', 'fstab']), { code: 0 });
  t.match(rack1.orders.at(-1), { verb: 'file.download', args: { path: '/etc/fstab', replace: true } });
  const tree = ['put', '-r', 'fstab', 'rack1', '/', '--replace'];
  t.match(await as('olga', tree), { code: 2, stderr: /REPLACE A TREE INTO \/: a host needs that to start/ });
  const signed = await as('olga', [
    'sign',
    ...tree,
    '-o',
    'tree.txt',
    '--tokens',
    await tokens('rack1', 'wipe'),
  ]);
  t.equal(signed.code, 0, 'an archive is a file, which is sent as it is');
  t.match(await as('olga', ['sign', 'put', '-r', '.', 'rack1', '/', '-o', 't.txt']), {
    code: 2,
    stderr: /in two places a tree goes as one/,
  });
});

await t.test('a budget is changed by two people of the role security', async (t) => {
  const set = ['budget', 'set', 'rack1', '--lock', '20', '--wipe', '5', '--budget-version', '1', '--yes'];
  t.match(await as('sam', set, secret.sam), {
    code: 2,
    stderr: /changed by two people, so nothing was sent/,
  });
  const env = { ...secret.sam, NIGHTSHIFT_COSIGN_PASSPHRASE_FILE: join(home, 'tess.pass') };
  t.match(await as('sam', [...set, '--cosign-key', 'tess.key'], env), { code: 0 });
  t.match(rack1.orders.at(-1), { verb: 'budget.update', args: { version: 1, lock: 20, wipe: 5 } });
  const bad = [...set.slice(0, 4), '1025', ...set.slice(5), '--cosign-key', 'tess.key'];
  t.match(await as('sam', bad, env), { code: 2, stderr: /a number from 0 to 1024/ });
});
