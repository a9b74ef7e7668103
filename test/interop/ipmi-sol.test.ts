import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import t from 'tap';
import { systemEntropy } from '../../src/adapters/entropy.ts';
import { ipmiClient } from '../../src/adapters/ipmi-client.ts';
import { openRmcpServer } from '../../src/adapters/rmcp-server.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { milliseconds, seconds, utf8 } from '../../src/base/index.ts';
import {
  BmcCommands,
  bmcCommandSet,
  type IpmiClient,
  LanChannel,
  LanResponder,
  lanCommands,
  SelStore,
  type SolConsole,
  type SolEnd,
  solCommands,
  userKey,
} from '../../src/ipmi/index.ts';
import type { DatagramServer } from '../../src/ports/index.ts';
import { eventually } from '../kit/eventually.ts';
import { FakeBmcMachine } from '../kit/fake-bmc-machine.ts';
import { FakeHostConsole } from '../kit/fake-host-console.ts';
import { SIM_USERS, startIpmiSim } from '../kit/ipmi-sim.ts';
import { MemoryState } from '../kit/memory-state.ts';

const PASSWORD = 's3cret-pw';

/** A host's serial console on a TCP port, where ipmi_sim looks for it. */
async function tcpHost() {
  const sockets: Socket[] = [];
  const host = { heard: Buffer.alloc(0), say: (text: string) => sockets.at(-1)?.write(text) };
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('data', (bytes) => {
      host.heard = Buffer.concat([host.heard, bytes]);
    });
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const close = (): void => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { host, port, close };
}

function watch(console: SolConsole) {
  const seen = { text: '', ends: [] as SolEnd[] };
  console.onData((bytes) => {
    seen.text += Buffer.from(bytes).toString('latin1');
  });
  console.onEnd((end) => seen.ends.push(end));
  return seen;
}

const bmc = await bmcSide();
t.teardown(() => bmc.close());

await t.test("our client's console over ipmi_sim", async (t) => {
  const { host, port, close } = await tcpHost();
  const sim = await startIpmiSim({ consolePort: port });
  const clients: IpmiClient[] = [];
  t.teardown(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await sim.close();
    close();
  });
  const as = (user: keyof typeof SIM_USERS): IpmiClient => {
    const client = ipmiClient('127.0.0.1', user, SIM_USERS[user], {
      port: sim.port,
      suites: [3],
      timeout: seconds(5),
    });
    clients.push(client);
    return client;
  };
  const ipmi = as('admin');
  const first = await ipmi.sol({ keepAlive: milliseconds(300) });
  const seen = watch(first);

  await t.test('bytes of all values pass both ways, a break among them', async (t) => {
    first.write(utf8('date\r'));
    await first.drained(AbortSignal.timeout(10_000));
    await eventually(() => host.heard.includes('date\r'));
    host.say('Sat Nov 21\r\nlogin: ');
    await eventually(() => seen.text.endsWith('login: '));
    t.ok(first.sendBreak());
    first.write(utf8('after'));
    await first.drained(AbortSignal.timeout(10_000));
    // A break travels to this host as telnet has it: FF F3.
    await eventually(() => host.heard.includes(Buffer.from('date\r\xff\xf3after', 'latin1')));
  });

  await t.test('more than fits into its packets, and commands beside it', async (t) => {
    const long = Array.from({ length: 60 }, (_, n) => `line ${n}`).join('\r');
    const before = host.heard.byteLength;
    for (let at = 0; at < long.length; at += 64) {
      const piece = utf8(long.slice(at, at + 64));
      while (!first.write(piece)) await first.room(AbortSignal.timeout(10_000));
    }
    const status = ipmi.chassisStatus();
    await first.drained(AbortSignal.timeout(20_000));
    await eventually(() => host.heard.byteLength >= before + long.length);
    t.equal(host.heard.subarray(before).toString(), long);
    t.equal(typeof (await status).powerOn, 'boolean');
    const said = Array.from({ length: 200 }, (_, n) => `answer ${n}\r\n`).join('');
    const at = seen.text.length;
    host.say(said);
    await eventually(() => seen.text.length >= at + said.length);
    t.equal(seen.text.slice(at), said);
  });

  await t.test('it is refused to a second one, who may take it; the first one notices', async (t) => {
    const other = as('oper');
    await t.rejects(other.sol(), { code: 'NS_IPMI_SOL_IN_USE' });
    const second = await other.sol({ takeOver: true });
    const heard = watch(second);
    await eventually(() => seen.ends.length === 1);
    t.match(seen.ends, [{ is: 'lost', error: { code: 'NS_IPMI_SOL_DEACTIVATED' } }]);
    second.write(utf8('mine'));
    await second.drained(AbortSignal.timeout(10_000));
    await eventually(() => host.heard.toString().endsWith('mine'));
    await second.close();
    t.same(heard.ends, [{ is: 'closed' }]);
    const third = await ipmi.sol();
    await third.close();
  });

  await t.test('its settings are read', async (t) => {
    t.match(await ipmi.solConfiguration(), { enabled: true });
  });
});

/** On a port below 32768: ipmiconsole finds any higher one invalid. */
async function lowServer(): Promise<DatagramServer> {
  for (let tries = 0; tries < 50; tries += 1) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const server = await openRmcpServer({ host: '127.0.0.1', port }).catch(() => undefined);
    if (server !== undefined) return server;
  }
  throw new Error('no port is free');
}

/** Our BMC side on a loopback port, with a host that repeats each line in brackets. */
async function bmcSide() {
  const host = new FakeHostConsole();
  let line = '';
  const write = host.write.bind(host);
  host.write = (bytes) => {
    line += Buffer.from(bytes).toString('latin1');
    if (line.endsWith('\r')) {
      host.say(`[${line.slice(0, -1)}]\r\n`);
      line = '';
    }
    return write(bytes);
  };
  const lines: string[] = [];
  const log = { log: (_: string, event: string) => lines.push(event) };
  const clock = systemClock;
  const sel = await SelStore.open({ store: new MemoryState(), clock, log });
  const life = new AbortController();
  const channel = new LanChannel({
    accounts: [{ id: 2, name: 'admin', key: userKey(utf8(PASSWORD)), level: 'administrator' }],
    suites: [17, 3],
    guid: new Uint8Array(16).fill(7),
  });
  const server = await lowServer();
  const { port } = server.local;
  const commands = new BmcCommands({
    commands: [
      ...lanCommands(channel),
      ...bmcCommandSet({ machine: new FakeBmcMachine(), sel, clock, log, life: life.signal }),
      ...solCommands({ console: host, port, clock, log }),
    ],
    clock,
    log,
  });
  const responder = new LanResponder({ channel, server, commands, clock, entropy: systemEntropy, log });
  const close = async (): Promise<void> => {
    life.abort();
    await responder.close();
    await sel.close();
  };
  return { host, lines, port, close };
}

/** A program on a terminal of its own: util-linux's script. */
function onTerminal(command: string) {
  const child = spawn('script', ['-qfec', command, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, IPMI_PASSWORD: PASSWORD },
  });
  const seen = { text: '', code: undefined as number | null | undefined };
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (bytes: Buffer) => {
      if (seen.text.length < 100_000) seen.text += bytes.toString('latin1');
    });
  }
  child.stdin.on('error', () => {});
  child.on('exit', (code) => {
    seen.code = code;
  });
  const stop = (): void => {
    if (seen.code === undefined) child.kill('SIGKILL');
  };
  return { seen, type: (text: string) => child.stdin.write(text), stop };
}

const programs = [
  ...([3, 17] as const).map((suite) => ({
    name: `ipmitool sol activate, suite ${suite}`,
    command: `ipmitool -I lanplus -H 127.0.0.1 -p ${bmc.port} -U admin -E -C ${suite} sol activate`,
    ready: 'SOL Session operational',
    leave: '\r~.',
  })),
  ...([3, 17] as const).map((suite) => ({
    name: `ipmiconsole, suite ${suite}`,
    command: `ipmiconsole -h 127.0.0.1:${bmc.port} -u admin -p ${PASSWORD} -I ${suite}`,
    ready: 'SOL established',
    leave: '&.',
  })),
];

for (const { name, command, ready, leave } of programs) {
  await t.test(`${name}: a line typed, its echo read, and out again`, async (t) => {
    bmc.lines.length = 0;
    bmc.host.heard = '';
    const terminal = onTerminal(command);
    t.teardown(terminal.stop);
    await eventually(() => terminal.seen.text.includes(ready) || terminal.seen.code !== undefined);
    t.match(terminal.seen.text, ready);
    // What is typed between its words and its setting of the terminal the program throws away.
    const typing = setInterval(() => terminal.type('uname -a\r'), 1000);
    t.teardown(() => clearInterval(typing));
    terminal.type('uname -a\r');
    await eventually(() => terminal.seen.text.includes('[uname -a]'));
    clearInterval(typing);
    bmc.host.say(`${'x'.repeat(2000)}END\r\n`);
    await eventually(() => terminal.seen.text.includes('END'));
    t.match(terminal.seen.text, 'x'.repeat(2000));
    terminal.type(leave);
    await eventually(() => terminal.seen.code !== undefined);
    t.match(bmc.host.heard, /^uname -a\r/);
    await eventually(() => bmc.lines.includes('bmc.console-left'));
    t.same(
      bmc.lines.filter((line) => line.startsWith('bmc.console')),
      ['bmc.console-taken', 'bmc.console-left'],
    );
  });
}

await t.test('what ipmitool has is refused to our client, and can be taken over by it', async (t) => {
  const terminal = onTerminal(programs[1]!.command);
  t.teardown(terminal.stop);
  await eventually(() => terminal.seen.text.includes('SOL Session operational'));
  const client = ipmiClient('127.0.0.1', 'admin', PASSWORD, { port: bmc.port });
  t.teardown(() => client.close());
  t.match(await client.solConfiguration(), { enabled: true, forceEncryption: true, port: bmc.port });
  await t.rejects(client.sol(), { code: 'NS_IPMI_SOL_IN_USE' });
  const console = await client.sol({ takeOver: true });
  const seen = watch(console);
  console.write(utf8('ours now\r'));
  await eventually(() => seen.text.includes('[ours now]'));
  await console.close();
  t.notMatch(terminal.seen.text, 'ours now');
});
