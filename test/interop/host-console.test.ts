import { readFile, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import t from 'tap';
import { systemEntropy } from '../../src/adapters/entropy.ts';
import { openSerialLine } from '../../src/adapters/serial-line.ts';
import { utf8 } from '../../src/base/index.ts';
import { publicKeyFromText, publicKeyText, signPass, writePassRows } from '../../src/security/index.ts';
import { askAgent, buildAgent, startAgent } from '../kit/agent-program.ts';
import { ptyPair } from '../kit/chain-links.ts';
import { scratch } from '../kit/disk-tools.ts';
import { eventually } from '../kit/eventually.ts';
import { testKey } from '../kit/keys.ts';

const { dir, remove } = await scratch();
t.teardown(remove);
const pty = await ptyPair();
t.teardown(() => pty.unplug());
const program = await buildAgent(dir);
// The native part of serial lines is no part of a bundle.
await symlink(resolve('node_modules'), join(dir, 'node_modules'));
const olga = testKey();
await writeFile(
  join(dir, 'agent.yaml'),
  JSON.stringify({
    device: 'host1',
    // Nobody listens there.
    broker: 'mqtt://127.0.0.1:1',
    state: 'state',
    log: 'json',
    keyring: [{ name: 'olga', role: 'operator', key: publicKeyText(olga.publicKey) }],
    console: { path: pty.paths[0], baud: 9600, host: { logKiB: 64 } },
    sim: { state: 'S0', switchDelayMs: 5, disks: [] },
  }),
);
const identity = await askAgent(program, ['--config', join(dir, 'agent.yaml'), '--identity']);
const deviceKey = publicKeyFromText(/ed25519:\S+/.exec(identity)![0]);

async function newPass(): Promise<string> {
  const terms = {
    ...{ name: 'kim', person: 'Kim', at: Math.floor(Date.now() / 1000), minutes: 60 },
    salt: systemEntropy.randomBytes(4),
  };
  const packed = await signPass({ tenant: 'default', device: 'host1', deviceKey }, terms, olga);
  return writePassRows(packed).join('\r');
}

await t.test('a pass, the console of the host, and what it said after the agent was killed', async (t) => {
  const terminal = await openSerialLine(pty.paths[1], { baudRate: 9600 });
  t.teardown(() => terminal.close());
  let screen = '';
  terminal.onData((bytes) => {
    screen += Buffer.from(bytes).toString('latin1');
  });
  let from = 0;
  const expect = async (until: RegExp): Promise<string> => {
    await eventually(() => until.test(screen.slice(from)), 60_000);
    const said = screen.slice(from);
    from = screen.length;
    return said;
  };
  const type = (text: string, until: RegExp): Promise<string> => {
    from = screen.length;
    terminal.write(utf8(text));
    return expect(until);
  };
  const greeted = async (): Promise<void> => {
    from = screen.length;
    await eventually(async () => {
      terminal.write(utf8('\r'));
      await new Promise((done) => setTimeout(done, 100));
      return screen.slice(from).endsWith('host1> ');
    }, 60_000);
  };
  const first = startAgent(program, dir);
  t.teardown(async () => {
    first.process.kill('SIGKILL');
    await first.ended;
  });
  await greeted();
  const pass = await newPass();
  await type(`login --pass\r${pass}\r`, /Logged in as kim[\s\S]*kim@host1> $/);
  await type('host console\r', /writing; ~\. leaves, ~\? tells more\]\r\n/);
  t.match(await type('who is there\r', /sim-host> $/), /^who is there\r\nsim-host> $/);
  t.match(await type('\r~?', /kim at the console .* writes\]\r\n/), /~B sends a break/);
  // What was said is on own storage before anybody asks for it.
  const kept = () => readFile(join(dir, 'state/host-console-log'), 'latin1');
  await eventually(async () => (await kept()).includes('who is there'), 60_000);
  first.process.kill('SIGKILL');
  await first.ended;

  const second = startAgent(program, dir);
  t.teardown(async () => {
    second.process.kill('SIGTERM');
    await second.ended;
  });
  await greeted();
  t.match(
    await type(`login --pass\r${pass}\r`, /wait[^>]*> $/),
    /Refused REPLAYED: This pass was used before/,
  );
  const next = await newPass();
  await eventually(
    async () => !/Too soon/.test(await type(`login --pass\r${next}\r`, /(?:soon|Logged)[\s\S]*> $/)),
  );
  t.match(await type('host log\r', /@host1> $/), /who is there\r\nsim-host>/);
  t.match(
    await type('network\r', /@host1> $/),
    /broker: {4}mqtt:\/\/127\.0\.0\.1:1\r\nstate: {5}NOT CONNECTED since/,
  );
  t.match(await type('logs 5\r', /@host1> $/), /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/);
  t.match(await type('logout\r', /\nhost1> $/), /kim has logged out/);
});
