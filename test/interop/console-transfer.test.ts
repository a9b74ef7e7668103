import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { milliseconds, seconds } from '../../src/base/index.ts';
import { Keyring } from '../../src/security/index.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { PtyTerminal } from '../kit/pty-terminal.ts';
import { addTechnicianTo, logInAt } from '../kit/technicians.ts';

const EIGHT_MIB = 8 * 1024 * 1024;
const PULLS = 10;
const big = randomBytes(EIGHT_MIB);
const there = await mkdtemp(join(tmpdir(), 'ns-laptop-'));
t.teardown(() => rm(there, { recursive: true, force: true }));
const host = await ColdHost.start({
  size: 48,
  fill: async (tree) => {
    await mkdir(join(tree, 'srv'));
    await writeFile(join(tree, 'srv/big'), big);
  },
  // A line that was away is opened again at once.
  clock: {
    ...systemClock,
    sleep: (time, signal) => systemClock.sleep(time === seconds(1) ? milliseconds(5) : time, signal),
  },
});
t.teardown(() => host.close());
const terminal = new PtyTerminal();
await terminal.plug();
t.teardown(() => terminal.unplug());
host.openLine = terminal.openLine;
const tim = await addTechnicianTo(host, 'tim');
await host.stop();
await host.boot({
  keyring: new Keyring([{ ...tim, scopes: [{ hosts: ['host1'] }] }]),
  console: { path: '/dev/console', baud: 4_000_000 },
});

async function logIn(): Promise<void> {
  await terminal.expect(/help[^\r]*\r\n\r\nhost1> $/);
  await logInAt(terminal, 'tim');
}
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Pulls the cable when so many bytes have passed. */
function pullAfter(bytes: number, wanted: 'to device' | 'from device'): Promise<void> {
  return new Promise((resolve) => {
    let passed = 0;
    terminal.watch = (way, count) => {
      if (way !== wanted) return;
      passed += count;
      if (passed < bytes) return;
      terminal.watch = undefined;
      resolve(terminal.plug());
    };
  });
}

await t.test('8 MiB come from the sleeping host, with the cable pulled ten times', async (t) => {
  const file = join(there, 'big');
  for (let pull = 0; pull < PULLS; pull += 1) {
    await logIn();
    terminal.type('get /srv/big\r');
    const said = await terminal.expect(/Ctrl-C leaves\.\r\n/);
    if (pull > 0) t.match(said, /were sent before/);
    const pulled = pullAfter(700_000, 'from device');
    await terminal.run('rz', ['-q', '-b'], there);
    await pulled;
  }
  await logIn();
  const before = (await stat(file)).size;
  t.ok(before > EIGHT_MIB / 8, `${before} bytes before the last try`);
  terminal.type('get /srv/big\r');
  await terminal.expect(/Ctrl-C leaves\.\r\n/);
  terminal.type('\x03');
  t.match(await terminal.expect(/@host1> $/), /cancelled[\s\S]*goes on after what the receiver has kept/);
  terminal.type('get /srv/big\r');
  t.match(await terminal.expect(/Ctrl-C leaves\.\r\n/), /were sent before/);
  t.equal(await terminal.run('rz', ['-q', '-b'], there), 0);
  const said = await terminal.expect(/@host1> $/);
  t.match(
    said,
    new RegExp(`sha256: ${sha256(big)}[\\s\\S]*all ${EIGHT_MIB} bytes, \\d+ of them from\\s+before`),
  );
  t.equal(sha256(await readFile(file)), sha256(big));
});

await t.test('8 MiB go to its disk, with the cable pulled ten times', async (t) => {
  await writeFile(join(there, 'up'), big);
  for (let pull = 0; pull < PULLS; pull += 1) {
    terminal.type('put /srv/new\r');
    await terminal.expect(/Ctrl-X\.\r\n/);
    const pulled = pullAfter(700_000, 'to device');
    await terminal.run('sz', ['-q', '-b', 'up'], there);
    await pulled;
    await logIn();
  }
  terminal.type('put /srv/new\r');
  t.match(await terminal.expect(/Ctrl-X\.\r\n/), /MiB of a file for this path are here from before/);
  t.equal(await terminal.run('sz', ['-q', '-b', 'up'], there), 0);
  const said = await terminal.expect(/@host1> $/);
  t.match(said, /bytes of it were here already/);
  t.match(said, /succeeded: [\s\S]*created \/srv\/new/);
  t.equal(sha256((await host.disk.read('/srv/new'))!), sha256(big));
});
