import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import t from 'tap';
import { MiB } from '../../src/base/index.ts';
import { askAgent, buildAgent, startAgent } from '../kit/agent-program.ts';
import { ptyPair } from '../kit/chain-links.ts';
import { makeExt4, scratch } from '../kit/disk-tools.ts';
import { openSerialScreen } from '../kit/serial-screen.ts';

const PASSWORD = 'correct horse battery';
const { dir, remove } = await scratch();
t.teardown(remove);
const pty = await ptyPair();
t.teardown(() => pty.unplug());
const program = await buildAgent(dir);
// The native part of serial lines is no part of a bundle.
await symlink(resolve('node_modules'), join(dir, 'node_modules'));
const tree = join(dir, 'tree');
await mkdir(join(tree, 'var/log'), { recursive: true });
await writeFile(join(tree, 'var/log/syslog'), 'x'.repeat(5000));
await makeExt4({ path: join(dir, 'disk0.img'), size: 8 * MiB, content: tree });

const configure = (keyring: readonly object[]): Promise<void> =>
  writeFile(
    join(dir, 'agent.yaml'),
    JSON.stringify({
      device: 'host1',
      // Nobody listens there.
      broker: 'mqtt://127.0.0.1:1',
      state: 'state',
      log: 'json',
      keyring,
      console: { path: pty.paths[0], baud: 9600 },
      sim: { state: 'S5', switchDelayMs: 5, disks: [{ name: 'disk0', image: join(dir, 'disk0.img') }] },
    }),
  );

/** What whoever provisions the device types. */
async function addTechnician(name: string): Promise<string> {
  const args = [program, '--config', join(dir, 'agent.yaml'), '--add-technician', name];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  child.stdin.end(`${PASSWORD}\n`);
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`it ended with ${String(code)}`);
  return said;
}

await t.test('a technician, a serial line, and no network', async (t) => {
  await configure([]);
  const key = /ed25519:\S+/.exec(await addTechnician('tim'))![0];
  await configure([{ name: 'tim@host1', role: 'technician', key, scopes: [{ hosts: ['host1'] }] }]);
  t.match(
    await askAgent(program, ['--config', join(dir, 'agent.yaml'), '--technicians']),
    /^tim {2}key [0-9a-f]{16} {2}enrolled as technician "tim@host1" in the local keyring\n$/,
  );
  const agent = startAgent(program, dir);
  t.teardown(async () => {
    agent.process.kill('SIGTERM');
    await agent.ended;
  });
  const terminal = await openSerialScreen(pty.paths[1]);
  t.teardown(() => terminal.close());
  const { type } = terminal;
  await terminal.greet('host1> ');

  await type('login tim\r', /password: $/);
  await type(`${PASSWORD}\r`, /Logged in as tim[\s\S]*tim@host1> $/);
  t.match(await type('ls /var/log\r', /@host1> $/), /succeeded: 1 entry\r\nsyslog\r\n/);
  await type('rm /var/log/syslog\r', /for good: $/);
  t.match(await type('host1\r', /@host1> $/), /succeeded: 1 removed[\s\S]*power: S5 throughout/);
  t.match(await type('ls /var/log\r', /@host1> $/), /succeeded: 0 entries/);
  t.match(await type('io watch fan1 600\r\x03', /@host1> $/), /Asking it to stop\.[\s\S]*cancelled/);
  await type('logout\r', /tim has logged out[\s\S]*\nhost1> $/);
  t.notMatch(terminal.shown(), PASSWORD);
  t.match(await type('ls /\r', /\nhost1> $/), /There is no command "ls"/);
});
