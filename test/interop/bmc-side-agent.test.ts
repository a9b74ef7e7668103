import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { ipmiClient } from '../../src/adapters/ipmi-client.ts';
import { MiB } from '../../src/base/index.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { scratch } from '../kit/disk-tools.ts';
import { eventually } from '../kit/eventually.ts';
import { freeUdpPort } from '../kit/free-port.ts';

const run = promisify(execFile);
const PASSWORDS = { admin: 'a-long-password-4242', oper: 'oper-pw', viewer: 'view-pw' } as const;
type User = keyof typeof PASSWORDS;
const LEVELS = { admin: 'administrator', oper: 'operator', viewer: 'user' } as const;

const { dir, remove } = await scratch();
t.teardown(remove);
for (const [name, password] of Object.entries(PASSWORDS)) {
  await writeFile(join(dir, name), `${password}\n`, { mode: 0o600 });
  await writeFile(join(dir, `${name}.conf`), `username ${name}\npassword ${password}\n`, { mode: 0o600 });
}
const port = await freeUdpPort();
const users = Object.keys(PASSWORDS) as User[];
const host = await ColdHost.start({
  ipmi: {
    listen: ['127.0.0.1'],
    port,
    suites: [17, 3],
    accounts: users.map((name) => ({ name, passwordFile: join(dir, name), level: LEVELS[name] })),
    consoleLevel: 'operator',
  },
  fill: async (tree) => {
    await mkdir(join(tree, 'etc'));
    await writeFile(join(tree, 'etc/hostname'), 'sleepy\n');
    await writeFile(join(tree, 'etc/gone'), 'soon gone\n');
  },
});
t.teardown(() => host.close());
const { machine } = host;

/** What the tool printed on both streams, and whether it succeeded. */
async function tool(file: string, args: readonly string[]): Promise<{ ok: boolean; text: string }> {
  const options = { timeout: 20_000, cwd: tmpdir(), env: { ...process.env, HOME: dir, TZ: 'UTC' } };
  return run(file, [...args], options).then(
    ({ stdout, stderr }) => ({ ok: true, text: stdout + stderr }),
    ({ stdout, stderr }: { stdout: string; stderr: string }) => ({ ok: false, text: stdout + stderr }),
  );
}

const ipmitool = (suite: number, user: User, level: string, ...command: readonly string[]) =>
  tool('ipmitool', [
    ...['-I', 'lanplus', '-H', '127.0.0.1', '-p', `${port}`, '-U', user, '-f', join(dir, user)],
    ...['-C', `${suite}`, '-L', level, ...command],
  ]);
const freeipmi = (name: string, suite: number, user: User, ...command: readonly string[]) =>
  tool(name, [
    ...['-D', 'LAN_2_0', '-I', `${suite}`, '-h', `127.0.0.1:${port}`],
    ...['--config-file', join(dir, `${user}.conf`)],
    // Not into the home of whoever runs the tests.
    ...(name.startsWith('ipmi-') ? ['--sdr-cache-directory', dir] : []),
    ...command,
  ]);

for (const suite of [17, 3]) {
  await t.test(`suite ${suite}: the tools see the machine as it is`, async (t) => {
    machine.host.set('S5');
    t.match(await ipmitool(suite, 'viewer', 'USER', 'power', 'status'), { ok: true, text: /Power is off/ });
    t.match(await freeipmi('ipmipower', suite, 'oper', '--stat'), { ok: true, text: /: off/ });
    machine.host.set('S0');
    t.match(await ipmitool(suite, 'viewer', 'USER', 'power', 'status'), { ok: true, text: /Power is on/ });
    t.match(await freeipmi('ipmipower', suite, 'oper', '--stat'), { ok: true, text: /: on/ });
    t.match(await freeipmi('bmc-info', suite, 'admin'), { ok: true, text: /Device ID\s*: 32/ });
    t.match(await freeipmi('ipmi-sensors', suite, 'admin'), { ok: true, text: /inlet-temp/ });
    t.match(await freeipmi('ipmi-fru', suite, 'admin'), { ok: true, text: /Nightshift/ });
    machine.host.set('unknown');
    const unknown = await ipmitool(suite, 'viewer', 'USER', 'power', 'status');
    t.notMatch(unknown.text, /Power is/, 'what is not known is neither on nor off');
    machine.host.set('S5');
  });
}

await t.test('who may only look switches nothing on', async (t) => {
  const { ok, text } = await ipmitool(17, 'viewer', 'USER', 'power', 'on');
  t.notOk(ok);
  t.match(text, /Insufficient privilege/);
  t.equal(machine.host.state, 'S5');
});

await t.test('power on in the middle of a put: the disk is home first, and whole', async (t) => {
  const positions: string[] = [];
  machine.host.onChange(({ state }) => {
    if (state === 'S0') positions.push(...machine.drives.map(({ at }) => at));
  });
  let ordered: Promise<unknown> | undefined;
  host.onWrite = async () => {
    ordered ??= ipmitool(17, 'oper', 'OPERATOR', 'power', 'on');
    await new Promise((resolve) => setTimeout(resolve, 5));
  };
  const put = await host.put('/big', Buffer.alloc(8 * MiB, 'n'));
  host.onWrite = undefined;
  t.match(await ordered, { ok: true });
  await eventually(() => machine.host.state === 'S0');
  t.match(put, { outcome: 'refused', code: /^HOST_(WAKING|AWAKE)$/ });
  t.same(positions, ['host']);
  t.equal(await host.disk.faults(), '');
  t.match(await host.give('file.list', { path: '/' }), { outcome: 'refused', code: /^HOST_(WAKING|AWAKE)$/ });
  t.match(await ipmitool(17, 'oper', 'OPERATOR', 'power', 'off'), { ok: true });
  await eventually(() => machine.host.state === 'S5');
});

await t.test(
  'a disabled machine is not switched on by any of them, also after a restart of the agent',
  async (t) => {
    await host.give('machine.disable', { reason: 'stolen' }, { key: host.officer });
    for (const when of ['before', 'after'] as const) {
      for (const word of ['on', 'cycle', 'reset']) {
        const { ok, text } = await ipmitool(17, 'admin', 'ADMINISTRATOR', 'power', word);
        t.notOk(ok, `${word} ${when} the restart`);
        t.match(text, /disabled|unavailable/i);
      }
      t.notMatch((await freeipmi('ipmipower', 17, 'admin', '--on')).text, /: ok/);
      t.match(await ipmitool(17, 'viewer', 'USER', 'chassis', 'status'), {
        text: /Front-Panel Lockout\s*: active/,
      });
      machine.host.set('S0', 'by a way that no mask reaches');
      await eventually(() => machine.host.state === 'S5');
      if (when === 'before') await host.restart();
    }
    await host.give('machine.enable', { reason: 'found' }, { key: host.officer });
    t.match(await ipmitool(17, 'oper', 'OPERATOR', 'power', 'on'), { ok: true });
    await eventually(() => machine.host.state === 'S0');
    machine.host.set('S5');
  },
);

await t.test('the event log tells what was audited, and the audit log who gave power orders', async (t) => {
  t.match(await host.give('file.delete', { path: '/etc/gone' }), { outcome: 'succeeded' });
  const { text } = await ipmitool(17, 'viewer', 'USER', 'sel', 'list');
  t.match(text, /System ACPI Power State.*S0/);
  t.match(text, /OEM record c0/);
  const sel = await freeipmi('ipmi-sel', 17, 'admin');
  t.match(sel, { ok: true, text: /OEM/ });
  const audit = await host.give('audit.read', { limit: 64 }, { key: host.officer });
  const lines = audit.result!.entries.map(({ event, detail }) => `${event} ${detail}`);
  t.match(lines.join('\n'), /bmc\.power on by IPMI user oper at 127\.0\.0\.1:\d+: done/);
  t.match(lines.join('\n'), /bmc\.power on by IPMI user admin at [^\n]*: refused DISABLED/);
  t.match(lines.join('\n'), /lock\.wake-reverted/);
  t.match(lines.join('\n'), /bmc\.login IPMI user "viewer"/);
  for (const secret of Object.values(PASSWORDS)) t.notOk(lines.join('\n').includes(secret));
});

await t.test('our own client has the host console, and ends it', async (t) => {
  const client = ipmiClient('127.0.0.1', 'oper', PASSWORDS.oper, { port, level: 'operator' });
  t.teardown(() => client.close());
  const console = await client.sol();
  let heard = '';
  console.onData((bytes) => {
    heard += Buffer.from(bytes).toString();
  });
  console.write(Buffer.from('hello\r'));
  await eventually(() => heard.includes('hello\r\nsim-host> '));
  await console.close();
  t.pass(heard);
});
