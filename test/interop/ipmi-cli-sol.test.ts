import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { buildCli } from '../kit/cli.ts';
import { eventually } from '../kit/eventually.ts';
import { SIM_USERS, startIpmiSim } from '../kit/ipmi-sim.ts';

const home = mkdtempSync(join(tmpdir(), 'nightshift-ipmi-sol-'));
const cli = await buildCli(home);
writeFileSync(join(home, 'pass'), `${SIM_USERS.admin}\n`, { mode: 0o600 });

/** A host's serial console, where ipmi_sim looks for it. */
const sockets: Socket[] = [];
let heard = Buffer.alloc(0);
const host = createServer((socket) => {
  sockets.push(socket);
  socket.on('data', (bytes) => {
    heard = Buffer.concat([heard, bytes]);
  });
  socket.on('error', () => {});
});
host.listen(0, '127.0.0.1');
await once(host, 'listening');
const address = host.address();
const sim = await startIpmiSim({
  consolePort: typeof address === 'object' && address !== null ? address.port : 0,
});
t.teardown(async () => {
  await sim.close();
  for (const socket of sockets) socket.destroy();
  host.close();
  rmSync(home, { recursive: true, force: true });
});

const sol = `exec "${process.execPath}" "${cli}" ipmi --host 127.0.0.1:${sim.port} --user admin --password-file pass --suites 3 sol`;

/** The console on a pseudo-terminal, between two looks at how that is set. */
function onTerminal() {
  const command = `stty -g; sh -c 'echo pid=$$; ${sol}'; echo status=$?; stty -g; echo over`;
  const child = spawn('script', ['-qefc', command, '/dev/null'], {
    cwd: home,
    env: { PATH: process.env.PATH, HOME: home, TERM: 'dumb', SHELL: '/bin/sh' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const seen = { text: '' };
  child.stdout.on('data', (bytes: Buffer) => {
    seen.text += bytes.toString('latin1');
  });
  t.teardown(() => void child.kill('SIGKILL'));
  const ended = once(child, 'close');
  return {
    seen,
    ended,
    type: (keys: string) => void child.stdin.write(keys, 'latin1'),
    end: () => void child.stdin.end(),
  };
}

/** How the terminal was set before and after. */
const settings = (text: string): string[] => text.match(/^[0-9a-f]+(:[0-9a-f]+){10,}/gm) ?? [];

await t.test('a console in a terminal: keys, escapes, and the terminal as it was', async (t) => {
  const { seen, ended, type, end } = onTerminal();
  await eventually(() => seen.text.includes('console open'));
  sockets.at(-1)!.write('\r\nlogin: ');
  await eventually(() => seen.text.includes('login: '));
  type('root\r');
  await eventually(() => heard.includes('root\r'));
  t.notMatch(seen.text, /root/, 'keys are shown by the machine alone');
  type('~?');
  await eventually(() => seen.text.includes('~B  send a break'));
  type('~B\u0003~~x');
  // A break travels to this host as telnet has it; Ctrl-C is a key like any other.
  await eventually(() => heard.includes(Buffer.from('\xff\xf3\x03~~x', 'latin1')));
  type('\r~.');
  await eventually(() => seen.text.includes('over'));
  end();
  await ended;
  t.match(seen.text, /status=0/);
  const [before, after] = settings(seen.text);
  t.ok(before !== undefined && before === after, `${before} ${after}`);
});

await t.test('a console that is terminated puts the terminal back, and frees the BMC', async (t) => {
  const { seen, ended, end } = onTerminal();
  await eventually(() => seen.text.includes('console open'));
  process.kill(Number(/pid=(\d+)/.exec(seen.text)![1]), 'SIGTERM');
  await eventually(() => seen.text.includes('over'));
  end();
  await ended;
  const [before, after] = settings(seen.text);
  t.ok(before !== undefined && before === after, `${before} ${after}`);
  const piped = spawn('sh', ['-c', sol], {
    cwd: home,
    env: { PATH: process.env.PATH, HOME: home },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  let text = '';
  piped.stdout.on('data', (bytes: Buffer) => {
    text += bytes.toString();
  });
  piped.stdin.end('uptime\r');
  await eventually(() => heard.includes('uptime\r'));
  sockets.at(-1)!.write('up 3 days');
  const [code] = (await once(piped, 'close')) as [number];
  t.equal(code, 0);
  t.match(text, /up 3 days/, 'what the machine says after the end of a pipe still arrives');
});
