import { execFile } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { openFileStateStore } from '../../src/adapters/file-state-store.ts';
import { MiB, utf8 } from '../../src/base/index.ts';
import { LOCK_DOCUMENTS } from '../../src/bmc/index.ts';
import { encodeLockRecord } from '../../src/bmc/lock-record.ts';
import { askAgent, buildAgent, startAgent } from '../kit/agent-program.ts';
import { ptyPair } from '../kit/chain-links.ts';
import { buildCli, runCli } from '../kit/cli.ts';
import { makeExt4, scratch } from '../kit/disk-tools.ts';
import { eventually } from '../kit/eventually.ts';
import { openSerialScreen } from '../kit/serial-screen.ts';

const { dir, remove } = await scratch();
t.teardown(remove);
const pty = await ptyPair();
t.teardown(() => pty.unplug());
const [program, cli] = [await buildAgent(dir), await buildCli(dir)];
// The native part of serial lines is no part of a bundle.
await symlink(resolve('node_modules'), join(dir, 'node_modules'));
await makeExt4({ path: join(dir, 'disk0.img'), size: 8 * MiB });

const people: { name: string; role: string; key: string }[] = [];
for (const name of ['sam', 'tess']) {
  await writeFile(join(dir, `${name}.pass`), `${name}'s passphrase\n`);
  const made = await as(name, ['keys', 'new', '--role', 'security', '--name', name], '');
  people.push({ name, role: 'security', key: /ed25519:\S+/.exec(made.stdout)![0] });
}
await writeFile(
  join(dir, 'agent.yaml'),
  JSON.stringify({
    device: 'host1',
    tenant: 'acme',
    // Nobody listens there.
    broker: 'mqtt://127.0.0.1:1',
    state: 'state',
    log: 'json',
    keyring: people,
    console: { path: pty.paths[0], baud: 9600 },
    sim: { state: 'S5', switchDelayMs: 5, disks: [{ name: 'disk0', image: join(dir, 'disk0.img') }] },
  }),
);
const identity = await askAgent(program, ['--config', join(dir, 'agent.yaml'), '--identity']);
const deviceKey = /ed25519:\S+/.exec(identity)![0];
for (const { name } of people) {
  const config = {
    tenant: 'acme',
    key: `${name}.key`,
    devices: { host1: deviceKey, host2: people[0]!.key },
    people,
  };
  await writeFile(join(dir, `${name}.yaml`), JSON.stringify(config));
}

/** What this officer types, on a machine without a network. */
function as(who: string, args: readonly string[], config = `${who}.yaml`) {
  const env = { NIGHTSHIFT_PASSPHRASE_FILE: join(dir, `${who}.pass`) };
  return runCli(cli, [...(config === '' ? [] : ['--config', config]), ...args], { cwd: dir, env });
}

/** A machine that two people have disabled some time ago. */
async function disable(version: number): Promise<void> {
  await mkdir(join(dir, 'state'), { recursive: true });
  const store = await openFileStateStore(join(dir, 'state'));
  const record = encodeLockRecord({ state: 'disabled', version, reason: 'stolen' });
  for (const name of LOCK_DOCUMENTS) await store.writeDocument(name, record);
}

/** What a camera sees: black and white squares. */
async function readByCamera(rows: readonly string[]): Promise<string> {
  const SIDE = 4;
  const pixels = rows.flatMap((row) => {
    const line = Array.from(row)
      .filter((_, i) => i % 2 === 0)
      .flatMap((c) => Array<number>(SIDE).fill(c === '#' ? 255 : 0));
    return Array.from({ length: SIDE }, () => line);
  });
  const image = join(dir, 'qr.pgm');
  const head = utf8(`P5\n${pixels[0]!.length} ${pixels.length}\n255\n`);
  await writeFile(image, Buffer.concat([head, Uint8Array.from(pixels.flat())]));
  const { stdout } = await promisify(execFile)('zbarimg', ['--raw', '-q', image]);
  return stdout.trim();
}

await t.test('a machine without a broker, a serial line, and two officers without a network', async (t) => {
  await disable(7);
  const agent = startAgent(program, dir);
  t.teardown(async () => {
    agent.process.kill('SIGTERM');
    await agent.ended;
  });
  const terminal = await openSerialScreen(pty.paths[1]);
  t.teardown(() => terminal.close());
  const { type } = terminal;
  await terminal.greet('host1> ');

  const status = await type('status\r', /release: .*\r\n/);
  t.match(status, /lock: {5}DISABLED \(version 7\)\r\npower: {4}S5\r\nnetwork: {2}no broker/);
  t.notMatch(status, /stolen/);

  const shown = await type('unlock\r', /code of the first person: $/);
  const words = [...shown.matchAll(/\b[1-9] ([a-z]{4,8})/g)].map(([, word]) => word!);
  const text = /NS1:\S+/.exec(shown)![0];
  const drawn = shown.split('\r\n').filter((line) => /^[# ]{40,}$/.test(line) && line.startsWith('####'));
  t.equal(await readByCamera(drawn), text, 'what a camera reads is what is printed beside it');

  const wrong = await as('sam', ['release', 'host1', ...words.toReversed(), '--yes']);
  t.match(wrong, { code: 2, stdout: '', stderr: /The check does not fit/ });
  t.match(await as('sam', ['release', 'host2', '--qr', text, '--yes']), {
    code: 2,
    stderr: /a challenge of "host1", and not of "host2"/,
  });
  t.match(await as('sam', ['release', 'host9', ...words, '--yes']), {
    code: 2,
    stderr: /no public key is known for "host9"/,
  });
  t.match(
    await as('sam', ['release', 'host1', ...words]),
    { code: 2, stdout: '' },
    'it asks, where somebody can answer',
  );

  const sam = await as('sam', ['release', 'host1', ...words.map((word) => word.slice(0, 4)), '--yes']);
  t.match(sam, {
    code: 0,
    stdout: /^[0-9A-Z]{4}(-[0-9A-Z]{4}){3}-[0-9A-Z]\n$/,
    stderr: /host1 .*lock version 7:[\s\S]*RELEASES/,
  });
  const tess = await as('tess', ['--json', 'release', '--qr', text, '--yes']);
  const answer = JSON.parse(tess.stdout);
  t.match(answer, { host: 'host1', lockVersion: 7 });

  t.match(
    await type('0000-0000-0000-0000-0\r', /first person: $/),
    /Wrong\. The next answer has to wait 1 s\./,
  );
  await eventually(async () => {
    await new Promise((done) => setTimeout(done, 200));
    return !(await type(sam.stdout.replace('\n', '\r'), /person: $/)).includes('Too soon');
  });
  t.match(terminal.shown(), /Right: that is the code of sam\./);
  const released = await type(
    `${answer.code.toLowerCase().replaceAll('-', '')}\r`,
    /Released[\s\S]*host1> $/,
  );
  t.match(released, /Released by sam and tess: the machine is enabled \(lock version 8\)\./);
  t.match(await type('status\r', /network: .*\r\n/), /lock: {5}enabled \(version 8\)/);
  t.match(await type('unlock\r', /host1> $/), /There is nothing to release/);
});
