import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { startEmbeddedBroker } from '../../../../src/adapters/embedded-broker.ts';
import { systemEntropy } from '../../../../src/adapters/entropy.ts';
import { MqttBus } from '../../../../src/adapters/mqtt/mqtt-bus.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { Keyring, openToken, publicKeyText, type Role } from '../../../../src/security/index.ts';
import { buildCli, type CliResult, runCli } from '../../../kit/cli.ts';
import { FakeDevice } from '../../../kit/fake-device.ts';
import { testKey } from '../../../kit/keys.ts';
import { quickKeyFile } from '../../../kit/quick-key.ts';

const home = mkdtempSync(join(tmpdir(), 'nightshift-token-'));
const cli = await buildCli(home);
const broker = await startEmbeddedBroker();
const pass = 'a secret of gina';
writeFileSync(join(home, 'gina.pass'), `${pass}\n`);
const gina = { NIGHTSHIFT_PASSPHRASE_FILE: join(home, 'gina.pass') };
const entries: { name: string; role: Role; key: string }[] = [];
const roles: Record<string, Role> = { gina: 'governor', sam: 'security', tess: 'security', mal: 'governor' };
for (const [name, role] of Object.entries(roles)) {
  const key = quickKeyFile(join(home, `${name}.key`), name === 'gina' ? pass : undefined);
  entries.push({ name, role, key: publicKeyText(key.publicKey) });
}
const known = entries.filter(({ name }) => name !== 'mal');
const keyring = new Keyring(known);
const hosts = Array.from({ length: 8 }, (_, n) => `rack${n + 1}`);
const bus = new MqttBus(
  { broker: { url: broker.url }, clientId: 'device-rack1', cleanSession: true },
  systemClock,
  systemEntropy,
  { log: () => undefined },
);
const rack1 = new FakeDevice(bus, 'rack1', testKey(), keyring, systemClock, 'acme');
await rack1.start();
const lock = { state: 'disabled', version: 1, inForce: [] };
rack1.answer = async () => ({ result: { lock, changed: true } });
t.teardown(async () => {
  await bus.close();
  await broker.close();
  rmSync(home, { recursive: true, force: true });
});
writeFileSync(
  join(home, 'nightshift.yaml'),
  JSON.stringify({
    broker: broker.url,
    tenant: 'acme',
    key: 'sam.key',
    devices: Object.fromEntries(hosts.map((name) => [name, publicKeyText(rack1.key.publicKey)])),
    people: known,
  }),
);
const run = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CliResult> =>
  runCli(cli, args, { cwd: home, env });
/** The governor's command. */
const token = (...args: string[]): Promise<CliResult> => run(['--key', 'gina.key', 'token', ...args], gina);
const jsonOf = (result: CliResult): Record<string, unknown>[] =>
  result.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const disable = ['disable', 'rack1', '--reason', 'stolen', '--cosign-key', 'tess.key', '--yes'];

await t.test('without a ledger nothing is signed; it is begun once, with an epoch by the date', async (t) => {
  t.match(await token('issue', 'rack1', '--for', 'lock', '-o', 'a.txt', '-y'), {
    code: 2,
    stderr: /holds no ledger for this key.*nightshift token init/,
  });
  const today = () => Math.floor(Date.now() / 86_400_000) + 1;
  const before = today();
  t.match(await token('init', '--limit', 'lock=6,wipe=2'), { code: 0, stdout: /lock: 6 of 6 left/ });
  t.match(await token('init'), { code: 2, stderr: /holds a ledger already/ });
  const [ledger] = jsonOf(await run(['--json', '--key', 'gina.key', 'token', 'ledger'], gina));
  t.ok([before, today()].includes(ledger!.epoch as number));
});

await t.test('programs that issue at the same time give no number twice', async (t) => {
  const files = ['1', '2', '3', '4'].map((n) => `at-once-${n}.txt`);
  const answers = await Promise.all(
    files.map((file, n) => token('issue', `rack${n + 1}`, '--for', 'lock', '-o', file, '--yes')),
  );
  t.same(
    answers.map(({ code }) => code),
    [0, 0, 0, 0],
  );
  const numbers: number[] = [];
  for (const [n, file] of files.entries()) {
    const [shown] = jsonOf(await run(['--json', 'token', 'show', file]));
    t.match(shown, { host: `rack${n + 1}`, for: 'lock', governor: { name: 'gina' } });
    numbers.push(shown!.n as number);
  }
  t.same(new Set(numbers), new Set([1, 2, 3, 4]));
});

await t.test('past the limit nothing is signed and no number is lost', async (t) => {
  t.match(await token('issue', 'rack[1-3]', '--for', 'lock', '-o', 'over.txt', '--yes'), {
    code: 2,
    stderr: /3 tokens are asked for, and of the 6 for lock in epoch \d+ 2 are left/,
  });
  t.notOk(existsSync(join(home, 'over.txt')));
  t.match(await token('issue', 'rack1', '--for', 'lock', '-o', 'at-once-1.txt', '--yes'), {
    code: 2,
    stderr: /there already/,
  });
  t.match(await token('issue', 'rack1', '--for', 'lock', '-o', 'x.txt'), {
    code: 2,
    stderr: /Sign 1 token for lock in epoch \d+\? 1 of 6 are left after that\. Say --yes/,
  });
  t.match(await token('issue', 'rack1', '--for', 'lock', '--epoch', '3', '-o', 'x.txt', '-y'), {
    code: 2,
    stderr: /in epoch \d+, not 3/,
  });
  t.match(await token('ledger'), { stdout: /lock: 2 of 6 left/ });
  t.match(await token('limit', 'lock=7'), { code: 0, stdout: /lock: 3 of 7 left\nwipe: 2 of 2/ });
});

await t.test('the next epoch is begun after a day, or when somebody insists', async (t) => {
  t.match(await token('epoch', 'next', '--yes'), { code: 2, stderr: /no sooner than 24 hours/ });
  t.match(await token('epoch', 'next', '--sooner'), { code: 2, stderr: /Begin epoch \d+\? Say --yes/ });
  const next = await token('epoch', 'next', '--sooner', '--yes');
  t.match(next, { code: 0, stdout: /lock: 7 of 7 left/, stderr: /takes none of epoch \d+ and before/ });
  t.match(await token('issue', 'rack1', '--for', 'lock', '-o', 'next.txt', '-y'), {
    code: 0,
    stdout: /for: rack1 number 1\n/,
  });
});

await t.test('a token is shown in words, one of a stranger too, and is bound to the tenant', async (t) => {
  t.match(await run(['token', 'show', 'next.txt']), {
    code: 0,
    stdout:
      /^1 token for the tenant acme\nlock \(to disable\), epoch \d+\n {2}for: rack1 number 1\n {2}signed by: gina, governor/,
  });
  const mal = ['--key', 'mal.key', 'token'];
  await run([...mal, 'init']);
  t.match(await run([...mal, 'issue', 'rack1', '--for', 'lock', '-o', 'mal.txt', '-y']), { code: 0 });
  t.match(await run(['token', 'show', 'mal.txt']), { code: 0, stdout: /NOT KNOWN HERE/ });
  t.match(await run(['token', 'show', 'next.txt'], { NIGHTSHIFT_TENANT: 'other' }), {
    code: 2,
    stderr: /for the tenant "acme", and yours is "other"/,
  });
});

await t.test('without a token a destructive order is not sent, and uses up no counter', async (t) => {
  const counter = join(home, 'sam.key.counter');
  const none = await run(disable);
  t.match(none, {
    code: 2,
    stderr: /only with a token out of the fleet's budget\. Nothing was sent.*token issue rack1 --for lock/,
  });
  t.match(jsonOf(await run(['--json', ...disable])), [{ fault: { code: 'NS_NEEDS_TOKEN' } }]);
  t.match(await run([...disable, '--tokens', 'at-once-2.txt']), {
    code: 2,
    stderr: /has none for lock that is left for rack1, so nothing was sent/,
  });
  t.notOk(existsSync(counter));
  t.equal(rack1.packets, 0);
});

await t.test('a token goes to one order; one that the device did not take is free again', async (t) => {
  const refused = await run([...disable, '--key', 'gina.key', '--tokens', 'next.txt'], gina);
  t.match(refused, { code: 1, stdout: /gina has signed the token, and cannot sign the order too/ });
  t.match(await run([...disable, '--cosign-key', 'mal.key', '--tokens', 'next.txt']), {
    stdout: /refused KEY_UNKNOWN/,
  });
  t.match(await run([...disable, '--tokens', 'next.txt']), { code: 0, stdout: /succeeded: disabled/ });
  const opened = openToken(rack1.orders[0]!.token!, keyring, 'acme');
  t.match(opened, { ok: true, value: { device: 'rack1', for: 'lock', n: 1, governor: { name: 'gina' } } });
  t.match(await run([...disable, '--tokens', 'next.txt']), {
    code: 2,
    stderr: /number 1 was used by the order [0-9a-f]{32}/,
  });
  t.equal(rack1.orders.length, 1);
});

await t.test(
  "with the governor's key at hand a token is signed for the order, and that is said",
  async (t) => {
    const env = { NIGHTSHIFT_TOKEN_PASSPHRASE_FILE: join(home, 'gina.pass') };
    t.match(await run([...disable, '--token-key', 'gina.key'], env), {
      code: 0,
      stderr: /whoever has this desk has the budget too[\s\S]*5 of 7 are left after that/,
    });
    t.match(openToken(rack1.orders[1]!.token!, keyring, 'acme'), { ok: true, value: { n: 2 } });
    await token('limit', 'lock=2');
    t.match(await run([...disable, '--token-key', 'gina.key'], env), {
      code: 2,
      stderr: /0 of 2 are left; nothing was sent/,
    });
    t.match(await run([...disable, '--token-key', 'gina.key']), { code: 2, stderr: /no terminal/ });
    t.equal(rack1.orders.length, 2);
  },
);

await t.test("the governor's passphrase stands nowhere but in its file", async (t) => {
  for (const name of ['next.txt', 'gina.key', 'nightshift.yaml']) {
    t.notMatch(readFileSync(join(home, name), 'utf8'), pass, name);
  }
});
