import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { minutes, seconds, toHex } from '../../src/base/index.ts';
import { Keyring, publicKeyText } from '../../src/security/index.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { eventually } from '../kit/eventually.ts';
import { LeapingClock } from '../kit/leaping-clock.ts';
import { PtyTerminal } from '../kit/pty-terminal.ts';
import { addTechnicianTo, logInAt } from '../kit/technicians.ts';

/** All bytes, and those that lines and programs on the way take for something else. */
const awkward = Buffer.concat([
  Buffer.from(Array.from({ length: 256 }, (_, i) => i)),
  Buffer.alloc(3000),
  Buffer.from(
    Array.from({ length: 4000 }, (_, i) => [0x11, 0x13, 0x91, 0x93, 0xff, 0x18, 0x0d, 0x40][i % 8]!),
  ),
  Buffer.from('\x03\x03\x03+++ATH\r~.\x1b[2J**\x18B00', 'latin1'),
]);
const ODD = '"/srv/odd\\u{1b}[2J\\u{e9}"';
/** More than a line and its buffers hold. */
const LONG = 600_000;

const there = await mkdtemp(join(tmpdir(), 'ns-laptop-'));
t.teardown(() => rm(there, { recursive: true, force: true }));
const clock = new LeapingClock();
const host = await ColdHost.start({
  fill: async (tree) => {
    for (const name of ['srv/dir', 'srv/keep', 'etc']) await mkdir(join(tree, name), { recursive: true });
    await writeFile(join(tree, 'srv/odd\x1b[2J\u00e9'), awkward);
    await writeFile(join(tree, 'srv/long'), Buffer.alloc(LONG, 'some text '));
    await symlink('/etc', join(tree, 'srv/way'));
  },
  protectedPaths: ['/srv/keep'],
  limits: { stagingMiB: 1 },
  clock,
});
t.teardown(() => host.close());
const terminal = new PtyTerminal();
await terminal.plug();
t.teardown(() => terminal.unplug());
host.openLine = terminal.openLine;
const tim = await addTechnicianTo(host, 'tim');
const olga = { name: 'olga', role: 'operator', key: publicKeyText(host.operator.publicKey) } as const;
const settings = {
  keyring: new Keyring([{ ...tim, scopes: [{ hosts: ['host1'] }] }, olga]),
  console: { path: '/dev/console', baud: 4_000_000 },
};

async function start(): Promise<void> {
  await host.stop();
  await host.boot(settings);
  await terminal.expect(/help[^\r]*\r\n\r\nhost1> $/);
  await logInAt(terminal, 'tim');
}
await start();

/** Up to the question for a program, or the prompt. */
async function begin(text: string): Promise<string> {
  terminal.type(`${text}\r`);
  return flat(await terminal.expect(/Ctrl-C\s+leaves[^@]*$|@host1> $/));
}
/** As it would read on one long line. */
const flat = (said: string): string => said.replaceAll(/\s+/g, ' ');
const prompt = async (): Promise<string> => flat(await terminal.expect(/@host1> $/));
const run = (program: string, ...args: readonly string[]) =>
  terminal.run(program, ['-q', '-b', ...args], there);
const idle = async (): Promise<boolean> => {
  terminal.type('tasks\r');
  return (await prompt()).includes('succeeded: 0 tasks');
};
const receipts = () => host.said('receipt');

await t.test('every byte, and a name that would move the cursor', async (t) => {
  const said = await begin(`get ${ODD}`);
  t.match(said, /The file comes as "odd__2J_"/);
  t.notOk(said.includes('\x1b'));
  t.equal(await run('rz'), 0);
  t.match(await prompt(), new RegExp(`all ${awkward.byteLength} bytes`));
  t.same(await readFile(join(there, 'odd__2J_')), awkward);
  t.match(await begin('put /srv/back'), /It may be put there, on disk0p1: create \/srv\/back/);
  t.equal(await run('sz', 'odd__2J_'), 0);
  t.match(await prompt(), /SHA-256[\s\S]*succeeded[\s\S]*created \/srv\/back/);
  t.same(await host.disk.read('/srv/back'), awkward);
  const receipt = receipts().at(-1)!;
  t.equal(receipt.outcome, 'succeeded');
  t.equal(toHex(receipt.askers![0]!.key), toHex(new Keyring([tim]).entries()[0]!.keyId));
});

await t.test('what is refused elsewhere is refused here, before anything is sent', async (t) => {
  const elsewhere = await host.put('/srv/keep/x', awkward);
  t.match(await begin('put /srv/keep/x'), new RegExp(`refused ${elsewhere.code}: `));
  t.match(await begin('put --parents /etc/pam.d/su'), /refused NEEDS_TWO_PEOPLE: /);
  t.match(await begin('put --parents /srv/way/pam.d/su'), /refused NEEDS_TOKEN: /);
  t.match(await begin('put /srv/long'), /refused FILE_EXISTS: /);
  terminal.type('put --replace /srv/long\r');
  await terminal.expect(/Type the name of this device to replace what is there: $/);
  t.match(await begin('host2'), /That is not host1\. Nothing was done\./);
  t.match(await begin('get /srv/dir'), /IS_A_DIRECTORY[\s\S]*One file at a time/);
  t.match(await begin('get -r /srv'), /there is no -r here\. One file at a time[\s\S]*"nightshift get -r"/);
  t.match(await begin('get /nowhere'), /refused NO_SUCH_FILE/);
  t.match(await begin('put --xmodem /srv/x'), /--xmodem goes with --size/);
  await writeFile(join(there, 'large'), Buffer.alloc(2 * 1024 * 1024));
  await begin('put /srv/large');
  t.not(await run('sz', 'large'), 0);
  t.match(await prompt(), /the file has 2097152 bytes; this device takes 1048576 at most\./);
});

await t.test('Ctrl-C, and five times Ctrl-X, end it and say how', async (t) => {
  await begin('get /srv/long');
  terminal.type('\x03');
  t.match(await prompt(), /Asking it to stop\.[\s\S]*cancelled/);
  await begin('get /srv/long');
  terminal.type('\x18'.repeat(5));
  t.match(await prompt(), /The transfer has ended: the other end has cancelled the transfer\./);
  await begin('put /srv/new');
  terminal.type('\x03');
  t.match(await prompt(), /you have stopped it\. Nothing was written on the host's disk\./);
  t.ok(await idle());
});

await t.test('XMODEM, where there is no other: sizes are said, and filling is cut off', async (t) => {
  t.match(await begin(`get --xmodem ${ODD}`), /XMODEM/);
  t.equal(await run('rx', '-c', 'x'), 0);
  // Its last answer may be lost with it.
  for (let again = 0; again < 3; again += 1) {
    clock.leap(seconds(2));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  t.match(await prompt(), new RegExp(`truncate -s ${awkward.byteLength} FILE`));
  const came = await readFile(join(there, 'x'));
  t.same(came.subarray(0, awkward.byteLength), awkward);
  t.ok(came.subarray(awkward.byteLength).every((byte) => byte === 0x1a));
  await writeFile(join(there, 'y'), awkward);
  await begin(`put --xmodem --size ${awkward.byteLength} /srv/x`);
  t.equal(await run('sx', '-k', 'y'), 0);
  t.match(await prompt(), /created \/srv\/x/);
  t.same(await host.disk.read('/srv/x'), awkward);
});

await t.test('what came outlives the agent, and another file is not taken for its rest', async (t) => {
  const content = Buffer.alloc(900_000, 'abcdefghij');
  await writeFile(join(there, 'up'), content);
  await begin('put /srv/up');
  let passed = 0;
  const pulled = new Promise<void>((resolve) => {
    terminal.watch = (way, bytes) => {
      passed += way === 'to device' ? bytes : 0;
      if (passed < 400_000) return;
      terminal.watch = undefined;
      resolve(terminal.plug());
    };
  });
  const ended = await run('sz', 'up');
  t.ok(passed >= 400_000, `sz ended with ${ended} after ${passed} bytes: ${terminal.screen.slice(-1000)}`);
  await pulled;
  await start();
  t.match(await begin('put /srv/up'), /of a file for this path are here from before/);
  content[10] = 0;
  await writeFile(join(there, 'up'), content);
  t.equal(await run('sz', 'up'), 0);
  t.match(await prompt(), /succeeded/);
  t.ok(content.equals((await host.disk.read('/srv/up'))!));
});

// The last: a program that is killed leaves on the line what it had not read, for whoever comes next.
await t.test(
  'who never reads keeps nobody: the transfer ends by itself, and others go on meanwhile',
  async (t) => {
    await begin('get /srv/long');
    let passed = 0;
    const stopped = new Promise<void>((resolve) => {
      terminal.watch = (way, bytes) => {
        passed += way === 'from device' ? bytes : 0;
        if (passed < 100_000) return;
        terminal.watch = undefined;
        terminal.program?.kill('SIGSTOP');
        resolve();
      };
    });
    const ended = run('rz', '-U');
    await stopped;
    t.equal((await host.get('/srv/long')).sink.finished?.byteLength, LONG);
    const before = receipts().length;
    await eventually(async () => {
      clock.leap(minutes(0.25));
      await new Promise((resolve) => setTimeout(resolve, 20));
      return receipts().length > before;
    }, 60_000);
    t.match(receipts().at(-1), { outcome: 'failed' });
    terminal.program?.kill('SIGKILL');
    await ended;
    terminal.type('\r');
    await prompt();
    t.ok(await idle());
  },
);
