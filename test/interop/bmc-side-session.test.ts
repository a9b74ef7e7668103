import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { systemEntropy } from '../../src/adapters/entropy.ts';
import { ipmiClient } from '../../src/adapters/ipmi-client.ts';
import { openRmcpServer } from '../../src/adapters/rmcp-server.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { seconds, toHex, utf8 } from '../../src/base/index.ts';
import { BmcCommands, LanChannel, type LanEvent, LanResponder, lanCommands } from '../../src/ipmi/index.ts';
import { hex } from '../kit/canned-carrier.ts';
import { eventually } from '../kit/eventually.ts';
import { LAN_GUID, LAN_USERS, lanAccounts } from '../kit/lan-bench.ts';

const TOOL_MS = 20_000;
const directory = await mkdtemp(join(tmpdir(), 'ns-lan-'));
const events: LanEvent[] = [];
const lines: string[] = [];
const log = { log: (level: string, event: string) => lines.push(`${level} ${event}`) };
const deeds: number[] = [];
const server = await openRmcpServer({ host: '127.0.0.1', port: 0 });
const { port } = server.local;
// All that follows comes from one address: its failures on purpose shall not slow down the rest.
const slowdown = { free: 50, first: seconds(1), longest: seconds(1) };
const limits = { addressSlowdown: slowdown };
const channel = new LanChannel({ accounts: lanAccounts, suites: [17, 3], guid: LAN_GUID, limits });
const commandsOf = (each: LanChannel): BmcCommands =>
  new BmcCommands({
    clock: systemClock,
    log,
    commands: [
      ...lanCommands(each),
      {
        ...{ name: 'Get Device ID', netFn: 6, code: 1, from: { user: 'user' } },
        answer: () => hex('20 01 02 17 02 00 00 00 00 00 00'),
      },
      {
        ...{ name: 'Get Chassis Status', netFn: 0, code: 1, from: { user: 'user' } },
        answer: () => hex('21 00 00'),
      },
      {
        ...{ name: 'Chassis Control', netFn: 0, code: 2, from: { user: 'operator' } },
        answer(data) {
          deeds.push(data.u8(0));
          return new Uint8Array(0);
        },
      },
    ],
  });
const commands = commandsOf(channel);
const responder = new LanResponder({
  ...{ channel, server, commands, log },
  clock: systemClock,
  entropy: systemEntropy,
  onEvent: (event) => events.push(event),
});
t.teardown(async () => {
  await responder.close();
  await rm(directory, { recursive: true, force: true });
});

/** Runs a tool to its end; all that it prints. */
function run(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number | null; text: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), TOOL_MS);
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (bytes: Buffer) => {
        text = (text + bytes.toString()).slice(0, 20_000);
      });
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code, text });
    });
  });
}

async function ipmitool(suite: number, user: string, password: string, ...args: string[]) {
  const file = join(directory, 'password');
  await writeFile(file, password, { mode: 0o600 });
  const where = ['-I', 'lanplus', '-H', '127.0.0.1', '-p', String(port), '-C', String(suite)];
  return run('ipmitool', [...where, '-U', user, '-f', file, ...args]);
}

async function freeipmi(program: string, suite: number, user: string, password: string, ...args: string[]) {
  const file = join(directory, 'freeipmi.conf');
  await writeFile(file, `username ${user}\npassword ${password}\n`, { mode: 0o600 });
  const where = ['--config-file', file, '-D', 'LAN_2_0', '-I', String(suite), '-h', `127.0.0.1:${port}`];
  return run(program, [...where, ...args]);
}

const { password } = LAN_USERS.admin;

for (const suite of [3, 17]) {
  await t.test(`suite ${suite}: ipmitool reads and orders`, async (t) => {
    const status = await ipmitool(suite, 'admin', password, 'chassis', 'power', 'status');
    t.match(status, { code: 0, text: 'Chassis Power is on' });
    t.match(events.at(-2), { is: 'login', user: 'admin', suite, limit: 'administrator' });
    t.match(events.at(-1), { is: 'logout', why: 'closed' });
    t.match(await ipmitool(suite, 'admin', password, 'mc', 'info'), {
      code: 0,
      text: /Firmware Revision +: 2\.17/,
    });
    t.match(await ipmitool(suite, 'admin', password, 'chassis', 'power', 'reset'), { code: 0 });
    t.same(deeds.splice(0), [3]);
  });

  await t.test(`suite ${suite}: FreeIPMI reads and orders, without a workaround`, async (t) => {
    const status = await freeipmi('ipmipower', suite, 'admin', password, '--stat');
    t.match(status, { code: 0, text: /127\.0\.0\.1: on/ });
    t.match(await freeipmi('bmc-info', suite, 'admin', password), { text: /Device Revision +: 1/ });
    for (const level of ['USER', 'OPERATOR', 'ADMIN']) {
      const info = await freeipmi('bmc-info', suite, 'admin', password, '-l', level, '--get-device-id');
      t.match(info, { code: 0, text: /IPMI Version +: 2\.0/ }, level);
    }
    t.match(await freeipmi('ipmipower', suite, 'admin', password, '--reset'), { code: 0, text: /ok/ });
    t.same(deeds.splice(0), [3]);
  });
}

await t.test('ipmitool takes the best suite by itself, and sees users, channel and suites', async (t) => {
  const file = join(directory, 'password');
  await writeFile(file, password, { mode: 0o600 });
  const where = ['-I', 'lanplus', '-H', '127.0.0.1', '-p', String(port), '-U', 'admin', '-f', file];
  t.match(await run('ipmitool', [...where, 'mc', 'info']), { code: 0 });
  t.match(
    events.findLast((event) => event.is === 'login'),
    { suite: 17 },
  );
  const users = await run('ipmitool', [...where, 'user', 'list', '1']);
  t.match(users.text, /^2 +admin .*ADMINISTRATOR$/m);
  t.match(users.text, /^3 +oper .*OPERATOR$/m);
  t.match(users.text, /^7 +viewer .*USER$/m);
  const info = await run('ipmitool', [...where, 'channel', 'info', '1']);
  t.match(info.text, /802\.3 LAN[\s\S]*multi-session[\s\S]*Active Session Count +: [1-9]/);
  const ciphers = await run('ipmitool', [...where, 'channel', 'getciphers', 'ipmi', '1']);
  t.match(
    ciphers.text,
    /^17 .*hmac_sha256 +sha256_128 +aes_cbc_128 *\n3 .*hmac_sha1 +hmac_sha1_96 +aes_cbc_128 *$/m,
  );
  t.match(
    (await run('ipmitool', [...where, 'session', 'info', 'active'])).text,
    /console ip +: 127\.0\.0\.1/,
  );
  const set = await run('ipmitool', [...where, 'user', 'set', 'name', '4', 'intruder']);
  t.not(set.code, 0);
});

await t.test('wrong passwords, wrong names, weak suites and older sessions are refused', async (t) => {
  const before = events.filter((event) => event.is === 'login').length;
  t.match(await ipmitool(17, 'admin', 'wrong', 'mc', 'info'), { code: 1, text: /Unable to establish/ });
  t.match(await ipmitool(17, 'nobody', password, 'mc', 'info'), { code: 1, text: /Unable to establish/ });
  t.match(await freeipmi('bmc-info', 17, 'admin', 'wrong'), { code: 1, text: /password invalid/ });
  t.match(await ipmitool(0, 'admin', password, 'mc', 'info'), { code: 1, text: /no matching cipher suite/ });
  t.match(await ipmitool(1, 'admin', password, 'mc', 'info'), { code: 1, text: /no matching cipher suite/ });
  t.match(await freeipmi('bmc-info', 0, 'admin', password), { code: 1 });
  const old = await run('ipmitool', [
    ...['-I', 'lan', '-H', '127.0.0.1', '-p', String(port), '-U', 'admin', '-f', join(directory, 'password')],
    ...['-N', '1', '-R', '1', 'mc', 'info'],
  ]);
  t.equal(old.code, 1);
  t.equal(events.filter((event) => event.is === 'login').length, before);
  await eventually(() => events.filter((event) => event.is === 'login-failed').length >= 3);
  t.match(
    events.filter((event) => event.is === 'login-failed').map(({ user, why }) => `${user} ${why}`),
    ['admin gave-up', 'nobody gave-up', 'admin gave-up'],
  );
  t.same(deeds, []);
});

await t.test('a level above the account’s is refused, one within it is not', async (t) => {
  const { password: theirs } = LAN_USERS.oper;
  t.match(await ipmitool(17, 'oper', theirs, '-L', 'OPERATOR', 'chassis', 'power', 'soft'), { code: 0 });
  t.same(deeds.splice(0), [5]);
  t.match(await ipmitool(17, 'oper', theirs, 'chassis', 'power', 'status'), { code: 1 });
  t.match(events.at(-1), { is: 'login-failed', user: 'oper', why: 'level' });
  const viewer = LAN_USERS.viewer.password;
  const refused = await freeipmi('ipmipower', 17, 'viewer', viewer, '-l', 'USER', '--off');
  t.match(refused.text, /requires atleast operator privilege/);
  t.same(deeds, []);
});

await t.test("the BMC's own key (Kg) is needed by both tools where there is one", async (t) => {
  const kg = 'twenty bytes of a Kg';
  const other = await openRmcpServer({ host: '127.0.0.1', port: 0 });
  const keyed = new LanChannel({ accounts: lanAccounts, guid: LAN_GUID, bmcKey: utf8(kg), limits });
  const withKey = new LanResponder({
    ...{ channel: keyed, server: other, commands: commandsOf(keyed), log },
    clock: systemClock,
    entropy: systemEntropy,
  });
  const file = join(directory, 'password');
  await writeFile(file, password, { mode: 0o600 });
  const where = ['-I', 'lanplus', '-H', '127.0.0.1', '-p', String(other.local.port), '-C', '17'];
  const status = [...where, '-U', 'admin', '-f', file, 'chassis', 'power', 'status'];
  t.match(await run('ipmitool', ['-K', ...status], { IPMI_KGKEY: kg }), { code: 0, text: /is on/ });
  t.match(await run('ipmitool', status), { code: 1 });
  const config = join(directory, 'kg.conf');
  const at = ['--config-file', config, '-D', 'LAN_2_0', '-I', '17', '-h', `127.0.0.1:${other.local.port}`];
  await writeFile(config, `username admin\npassword ${password}\nk_g 0x${toHex(utf8(kg))}\n`, {
    mode: 0o600,
  });
  t.match(await run('ipmipower', [...at, '--stat']), { text: /: on/ });
  await writeFile(config, `username admin\npassword ${password}\n`, { mode: 0o600 });
  t.match(await run('ipmipower', [...at, '--stat']), { text: /BMC Key|k_g|K_g/i });
  await withKey.close();
});

await t.test('many consoles at once, each on a socket of its own, are all served', async (t) => {
  // ipmipower leaves its session open after a reset.
  const left = channel.sessions.size;
  const clients = Array.from({ length: 12 }, () => ipmiClient('127.0.0.1', 'admin', password, { port }));
  const all = await Promise.all(clients.map((client) => client.chassisStatus()));
  t.ok(all.every(({ powerOn }) => powerOn));
  t.equal(channel.sessions.size, left + 12);
  await Promise.all(clients.map((client) => client.close()));
  await eventually(() => channel.sessions.size === left);
  t.same(lines, []);
});
