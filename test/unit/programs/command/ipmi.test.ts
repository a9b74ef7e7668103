import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { systemEntropy } from '../../../../src/adapters/entropy.ts';
import { silentLog } from '../../../../src/adapters/log.ts';
import { openRmcpServer } from '../../../../src/adapters/rmcp-server.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { utf8 } from '../../../../src/base/index.ts';
import { forEachHost } from '../../../../src/fleet/index.ts';
import {
  BmcCommands,
  LanChannel,
  type LanEvent,
  LanResponder,
  lanCommands,
  userKey,
} from '../../../../src/ipmi/index.ts';
import { buildCli, type CliResult, runCli } from '../../../kit/cli.ts';
import { eventually } from '../../../kit/eventually.ts';

/** Programs that are started side by side. */
const AT_ONCE = 4;
const PASSWORD = 'hunter2-hunter2';
const home = mkdtempSync(join(tmpdir(), 'nightshift-cli-ipmi-'));
const cli = await buildCli(home);
const run = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CliResult> =>
  runCli(cli, ['ipmi', ...args], { cwd: home, env });

/** A BMC side whose machine does what it is told. */
async function startBmc() {
  const channel = new LanChannel({
    accounts: [
      { id: 2, name: 'admin', key: userKey(utf8(PASSWORD)), level: 'administrator' },
      { id: 3, name: 'viewer', key: userKey(utf8('view')), level: 'user' },
    ],
    suites: [17, 3],
    guid: new Uint8Array(16).fill(7),
  });
  const bmc = { on: true, orders: [] as number[], events: [] as LanEvent[], port: 0, close: async () => {} };
  const status = {
    name: 'Get Chassis Status',
    netFn: 0,
    code: 1,
    from: { user: 'user', host: true },
    answer: () => Uint8Array.of(bmc.on ? 1 : 0, 0, 0),
  } as const;
  const control = {
    name: 'Chassis Control',
    netFn: 0,
    code: 2,
    from: { user: 'operator' },
    answer: (data: { u8(at: number): number }) => {
      bmc.orders.push(data.u8(0));
      if (data.u8(0) < 2) bmc.on = data.u8(0) === 1;
      return new Uint8Array(0);
    },
  } as const;
  const parts = { clock: systemClock, log: silentLog };
  const commands = new BmcCommands({ ...parts, commands: [...lanCommands(channel), status, control] });
  const server = await openRmcpServer({ host: '127.0.0.1', port: 0 });
  const responder = new LanResponder({
    ...parts,
    channel,
    server,
    commands,
    entropy: systemEntropy,
    onEvent: (event) => bmc.events.push(event),
  });
  bmc.port = server.local.port;
  bmc.close = () => responder.close();
  return bmc;
}

const bmcs = [await startBmc(), await startBmc(), await startBmc()];
const [bmc] = bmcs as [(typeof bmcs)[0], ...typeof bmcs];
writeFileSync(join(home, 'bmc.pass'), `${PASSWORD}\nsecond line\n`, { mode: 0o600 });
writeFileSync(join(home, 'wrong.pass'), 'not it\n', { mode: 0o600 });
const hosts = bmcs.map(({ port }, n) => `    m${n + 1}: { address: 127.0.0.1, port: ${port} }\n`).join('');
const config = (defaults: string): string =>
  `ipmi:\n  defaults: ${defaults}\n  hosts:\n${hosts}    gone: 127.0.0.1:9\ngroups:\n  both: m[1-2]\n`;
writeFileSync(join(home, 'nightshift.yaml'), config('{ user: admin, passwordFile: bmc.pass }'));
writeFileSync(join(home, 'bare.yaml'), config('{}'));
const pins = join(home, '.local/state/nightshift/ipmi-pins.json');
t.teardown(async () => {
  for (const each of bmcs) await each.close();
  rmSync(home, { recursive: true, force: true });
});

await t.test('what is wrong with a command line is said before anything is sent', async (t) => {
  const cases: readonly [string[], RegExp][] = [
    [['status'], /--host/],
    [['--host', 'm11', 'status'], /did you mean "m1"/],
    [['--host', 'bmc7', 'status'], /bmc7:623/],
    [['--host', '[::1', 'status'], /\[/],
    [['--host', '127.0.0.1:99999', 'status'], /no port/],
    [['--host', 'm1', '--suites', '0', 'status'], /cipher suite/],
    [['--host', 'm1', '--quirks', 'lenient', 'status'], /no quirk "lenient"/],
    [['--host', 'm1', '--level', 'root', 'status'], /administrator/],
    [['--host', 'm1', 'power', 'sideways'], /soft, diag, status/],
    [['--host', 'm1', 'raw', '6', '0x100'], /"0x100" is no command/],
    [['--host', 'm1', 'raw', '7', '1'], /response/],
    [['--host', 'm1', 'bootdev', 'tape'], /pxe/],
    [['--host', 'm1', 'sel', 'delete'], /missing required argument 'id'/],
    [['--host', 'm1', 'sensor', 'get'], /name the sensor/],
    [['--host', 'm1', 'frobnicate'], /unknown command/],
    [['--host', 'm[1-2]', 'sol'], /one machine/],
    [['--local', 'sol'], /network only/],
    [['--local', 'discover'], /network only/],
    [['--local', '--host', 'm1', 'status'], /one of them/],
    [['sweep', 'm1', '--window', '0'], /window/],
    [['--config', 'bare.yaml', '--host', 'm1', 'status'], /--user/],
    [['--config', 'bare.yaml', '--host', 'm1', '--user', 'admin', 'status'], /--password-file/],
    [['--host', 'm1', '--password-file', 'absent', 'status'], /absent cannot be read/],
    [['--host', 'm1', '--user', 'a-name-that-is-too-long', 'status'], /16 bytes/],
    [['--host', 'm[1-2]', 'power', 'off'], /--yes/],
  ];
  const before = bmcs.map(({ events }) => events.length);
  const said = await forEachHost(
    cases.map((_, n) => String(n)),
    (n) => run(cases[Number(n)]![0]),
    AT_ONCE,
  );
  for (const [n, [args, stderr]] of cases.entries()) t.match(said[n], { code: 2, stderr }, args.join(' '));
  t.same(
    bmcs.map(({ events }) => events.length),
    before,
  );
  t.same(bmc.orders, []);
});

await t.test(
  'a password comes from a file, the environment or the configuration, and is never shown',
  async (t) => {
    const to = ['--config', 'bare.yaml', '--host', 'm1', '--user', 'admin'];
    const ways: readonly [string[], NodeJS.ProcessEnv][] = [
      [['--host', 'm1', 'status'], {}],
      [[...to, '--password-file', 'bmc.pass', 'status'], {}],
      [[...to, 'status'], { NIGHTSHIFT_IPMI_PASSWORD_FILE: join(home, 'bmc.pass') }],
      [[...to, '--json', 'status'], { NIGHTSHIFT_IPMI_PASSWORD: PASSWORD }],
      // Nearer to whoever typed wins.
      [[...to, '--password-file', 'bmc.pass', 'status'], { NIGHTSHIFT_IPMI_PASSWORD: 'wrong' }],
      [['--host', 'm1', '--password-file', 'wrong.pass', 'status'], {}],
    ];
    const codes: (number | null)[] = [];
    for (const [args, env] of ways) {
      const { code, stdout, stderr } = await run(args, env);
      codes.push(code);
      t.notMatch(stdout + stderr, /hunter2|not it/);
    }
    t.same(codes, [0, 0, 0, 0, 0, 3]);
    for (const option of ['--password', '-P', '--pass'])
      t.match(await run([...to, option, PASSWORD, 'status']), { code: 2, stderr: /unknown option/ });
    writeFileSync(join(home, 'open.pass'), PASSWORD, { mode: 0o644 });
    t.match(await run([...to, '--password-file', 'open.pass', 'status']), { code: 0, stderr: /chmod 600/ });
  },
);

await t.test('exit status and JSON say who said no, and who said nothing', async (t) => {
  const wrong = await run(['--json', '--host', 'm1', '--password-file', 'wrong.pass', 'power', 'status']);
  t.equal(wrong.code, 3);
  t.match(JSON.parse(wrong.stdout), {
    v: 1,
    host: 'm1',
    verb: 'power status',
    outcome: 'refused',
    fault: { code: 'NS_IPMI_CREDENTIALS' },
  });
  const lacking = await run(['--host', 'm1', 'mc', 'selftest', '--json']);
  t.equal(lacking.code, 3);
  t.match(JSON.parse(lacking.stdout), { outcome: 'refused', fault: { completion: 0xc1 } });
  const viewer = ['--host', 'm1', '--user', 'viewer', '--level', 'user'];
  const low = await run([...viewer, 'power', 'off', '--json'], { NIGHTSHIFT_IPMI_PASSWORD: 'view' });
  t.match([low.code, JSON.parse(low.stdout)], [3, { outcome: 'refused' }]);
  t.same(bmc.orders, []);
  const gone = await run(['--host', 'gone', 'status', '--timeout', '400ms']);
  t.match(gone, { code: 5, stdout: /^unreachable: / });
  const mixed = await run(['--host', 'm1,gone', 'power', 'status', '--timeout', '400ms']);
  t.match(mixed, { code: 6, stdout: /m1: Chassis Power is on/ });
  const done = await run(['--host', '@both', 'status', '--json']);
  t.equal(done.code, 0);
  const lines = done.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  t.match(
    lines.sort((a, b) => (a.host < b.host ? -1 : 1)),
    ['m1', 'm2'].map((host) => ({
      v: 1,
      host,
      verb: 'chassis-status',
      outcome: 'succeeded',
      result: { powerOn: true },
    })),
  );
});

await t.test('one host answers without its name, many are folded', async (t) => {
  t.match(await run(['--host', 'm1', 'status']), { code: 0, stdout: /^System Power {9}: on\n/ });
  t.equal((await run(['--host', 'm1,m2,m3', 'power', 'status'])).stdout, 'm[1-3]: Chassis Power is on\n');
  t.equal(
    (
      await run([
        '--host',
        `127.0.0.1:${bmc.port}`,
        '--user',
        'admin',
        '--password-file',
        'bmc.pass',
        'power',
        'status',
      ])
    ).stdout,
    'Chassis Power is on\n',
  );
  t.match((await run(['--host', 'm1', 'raw', '0', '1'])).stdout, /^01 00 00\n$/);
});

await t.test('power waits until the machine shows it, and many machines only with --yes', async (t) => {
  t.match(await run(['--host', 'm1', 'power', 'off']), {
    code: 0,
    stdout: /Down\/Off; Chassis Power is off/,
  });
  t.equal(bmc.on, false);
  // A soft shutdown that the machine never does.
  bmc.on = true;
  t.match(await run(['--host', 'm1', 'power', 'soft', '--within', '300ms']), {
    code: 4,
    stdout: /^failed: /,
  });
  t.match(await run(['--host', 'm1', 'power', 'soft', '--no-wait']), { code: 0, stdout: /not waited for/ });
  t.match(await run(['--host', '@both', 'power', 'off', '--yes']), { code: 0, stdout: /^m\[1-2\]: / });
  t.same([bmcs[0]!.on, bmcs[1]!.on, bmcs[2]!.on], [false, false, true]);
  t.match(
    await run(['--host', '@both', 'power', 'on']),
    { code: 0 },
    'which does no harm, and is not asked for',
  );
});

await t.test('once suite 17 has worked nothing weaker is tried, until that is forgotten', async (t) => {
  t.match(JSON.parse(readFileSync(pins, 'utf8')).suite17, [/^127\.0\.0\.1:/]);
  t.equal(statSync(pins).mode & 0o777, 0o600);
  const weak = ['--host', 'm1', '--suites', '3', 'power', 'status'];
  t.match(await run(weak), { code: 2, stderr: /--forget-pin/ });
  t.match(await run(['--host', 'm1', '--forget-pin']), { code: 0, stdout: 'forgotten: m1\n' });
  t.match(await run(weak), {
    code: 0,
    stdout: /is on/,
    stderr: /m1: cipher suite 3 was used, which rests on SHA-1/,
  });
  t.match(await run(['--host', 'm1', '--suites', '17,3', 'power', 'status']), { code: 0, stderr: '' });
  t.match(await run(weak), { code: 2 });
  writeFileSync(pins, '{"v":1,');
  t.match(
    await run(['--host', 'm1', 'status']),
    { code: 2, stderr: /pins/ },
    'a damaged file is not taken for an empty one',
  );
  rmSync(pins);
});

await t.test('discover asks without a user', async (t) => {
  const { code, stdout } = await run(['--config', 'bare.yaml', '--host', 'm1', 'discover']);
  t.equal(code, 0);
  t.match(stdout, /Cipher suites +: 17,3|Cipher suites +: 3,17/);
});

await t.test('a sweep folds, sums up, and goes on printing what has changed', async (t) => {
  const once = await run(['sweep', 'm[1-3],gone', '--within', '300ms']);
  t.match(once, {
    code: 6,
    stdout: /^m\[1-3\]: Chassis Power is on\ngone: unreachable: /,
    stderr: /4 hosts: 3 on, 1 no answer; \d+ ms/,
  });
  let out = '';
  let stop = (): void => {};
  const going = runCli(cli, ['ipmi', 'sweep', 'm[1-3]', '--every', '100ms'], {
    cwd: home,
    started: (child) => {
      child.stdout?.on('data', (text: string) => {
        out += text;
      });
      stop = () => void child.kill('SIGTERM');
    },
  });
  await eventually(() => out.includes('m[1-3]: Chassis Power is on\n'));
  bmcs[1]!.on = false;
  await eventually(() => /m2: Chassis Power: on -> off\n/.test(out));
  bmcs[1]!.on = true;
  await eventually(() => /m2: Chassis Power: off -> on\n/.test(out));
  stop();
  t.match(await going, { code: 130 });
  t.notMatch(out, /m[13]: Chassis Power: /, 'what did not change is not printed again');
  await eventually(() => bmcs.every(({ events }) => open(events) === 0));
});

/** Sessions that were opened and not closed. */
function open(events: readonly LanEvent[]): number {
  return events.filter(({ is }) => is === 'login').length - events.filter(({ is }) => is === 'logout').length;
}

await t.test('a resident keeps sessions, and answers sweeps over its own socket', async (t) => {
  const socket = join(home, 'ipmi.sock');
  let stop = (): void => {};
  const going = runCli(cli, ['ipmi', '--host', 'm[1-3]', 'resident', '--socket', socket], {
    cwd: home,
    started: (child) => {
      stop = () => void child.kill('SIGTERM');
    },
  });
  await eventually(() => existsSync(socket) && bmcs.every(({ events }) => open(events) === 1));
  t.equal(statSync(socket).mode & 0o777, 0o600);
  const opened = bmcs.map(({ events }) => events.length);
  for (let i = 0; i < 2; i += 1) {
    t.match(await run(['sweep', 'm[1-3]', '--power', '--via', socket]), {
      code: 0,
      stdout: 'm[1-3]: Chassis Power is on\n',
    });
  }
  t.same(
    bmcs.map(({ events }) => events.length),
    opened,
    'no session was opened for it',
  );
  const json = await run(['sweep', 'm1', '--via', socket, '--json']);
  t.match(JSON.parse(json.stdout), {
    v: 1,
    host: 'm1',
    verb: 'sweep',
    outcome: 'succeeded',
    result: { powerOn: true },
  });
  t.match(await run(['sweep', 'm9', '--via', socket]), { code: 1, stderr: /m9/ });
  stop();
  t.match(await going, { code: 0 });
  t.notOk(existsSync(socket));
  await eventually(() => bmcs.every(({ events }) => open(events) === 0));
});
