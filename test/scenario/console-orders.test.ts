import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { toHex } from '../../src/base/index.ts';
import { Keyring, type KeyringEntry, publicKeyText } from '../../src/security/index.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { eventually } from '../kit/eventually.ts';
import { MemoryLine } from '../kit/memory-line.ts';
import { addTechnicianTo, logInAt } from '../kit/technicians.ts';

const host = await ColdHost.start({
  fill: async (tree) => {
    await mkdir(join(tree, 'etc'));
    await mkdir(join(tree, 'srv/many'), { recursive: true });
    await mkdir(join(tree, 'boot'));
    await writeFile(join(tree, 'etc/hosts'), '127.0.0.1 localhost\n');
    await writeFile(join(tree, 'boot/vmlinuz'), 'kernel');
    await writeFile(join(tree, 'srv/plain.log'), 'x'.repeat(3000));
    await writeFile(join(tree, 'srv/two words'), 'x');
    await writeFile(join(tree, 'srv/odd\x1b[2J\u00e9'), 'x');
    for (let n = 0; n < 60; n += 1) await writeFile(join(tree, `srv/many/${n}`), '');
  },
});
t.teardown(() => host.close());
const line = new MemoryLine();
host.openLine = line.open;
const tim = await addTechnicianTo(host, 'tim');
await addTechnicianTo(host, 'uma');

async function boot(keys: readonly KeyringEntry[]): Promise<void> {
  await host.stop();
  const officer = { name: 'sam', role: 'security' as const, key: publicKeyText(host.officer.publicKey) };
  await host.boot({
    keyring: new Keyring([officer, ...keys]),
    console: { path: '/dev/console', baud: 9600 },
  });
  await line.expect(/help[^\r]*\r\n\r\nhost1> $/);
}
await boot([{ ...tim, scopes: [{ hosts: ['host1'] }] }]);

/** What is printed until the prompt comes back. */
async function type(text: string): Promise<string> {
  line.type(`${text}\r`);
  return line.expect(/[a-z]+@host1> $/);
}
const exists = async (path: string): Promise<boolean> => {
  const said = await type(`stat "${path}"`);
  return said.includes('succeeded');
};

await t.test('who is in no keyring logs in and orders nothing; who is in one, what it says', async (t) => {
  await logInAt(line, 'uma');
  t.match(await type('ls /'), /refused KEY_UNKNOWN: .*\r\nremedy: /);
  t.match(await type('status'), /power: {4}S5[\s\S]*refused KEY_UNKNOWN/);
  t.match(await type('board test'), /refused KEY_UNKNOWN: .*\r\nremedy: /);
  line.type('exit\r');
  await line.expect(/\nhost1> $/);
  await logInAt(line, 'tim');
  t.match(await type('status'), /lock: {5}enabled[\s\S]*succeeded: board sim-host[\s\S]*disk: disk0/);
  t.match(await type('audit'), /refused NOT_PERMITTED: The role technician may not give audit\.read/);
});

await t.test('the disk is looked at, and what is on it moves no cursor and can be typed', async (t) => {
  t.match(
    await type('disks'),
    /succeeded: 1 volume, host in S5[\s\S]*\nvolume +type +label +size +used +read +write\r\ndisk0/,
  );
  t.match(
    await type('disks -l'),
    /\nvolume disk0p?1?: ext4 "root", [0-9a-f-]{36}\r\n {2}.*read: yes, write: yes/,
  );
  const listed = await type('ls /srv');
  t.match(listed, /odd\\u\{1b\}\[2J\\u\{e9\}\r\n/);
  t.match(await type('stat "/srv/odd\\u{1b}[2J\\u{e9}"'), /file, 1 B/);
  t.match(await type('stat /srv/two\\ words'), /two words: file, 1 B/);
  t.match(await type('find /srv -size +2k'), /plain\.log/);
  t.match(await type('power'), /host: S5[\s\S]*switches the host on\./);
  t.match(await type('ls'), /PATH is missing; see "help"\./);
  t.match(await type('ls -z /'), /there is no option -z here/);
  t.match(await type("ls '/srv"), /A quote \('\) is open/);
  t.match(await type('help rm'), /rm \[-r\] PATH\r\n {2}remove files of the host/);
  const odd = Array.from(line.screen).filter((c) => !/[ -~]/.test(c) && !'\x07\b\r\n'.includes(c));
  t.same(odd, []);
  const printed = line.screen.split('\r\n').filter((row) => !row.includes('host1> '));
  t.ok(printed.every((row) => row.length <= 80));
});

await t.test('long answers wait after each screenful, and end where somebody has had enough', async (t) => {
  line.type('ls /srv/many\r');
  const first = await line.expect(/-- more \(\d+ lines; q ends\) -- $/);
  t.equal(first.split('\r\n').length, 25, 'what was typed, 23 lines, and the question');
  line.type('\r');
  const second = await line.expect(/-- more \(\d+ lines; q ends\) -- $/);
  t.equal(second.split('\r\n').length, 25);
  t.notMatch(await type('q'), /volume/);
});

await t.test('what is removed is shown first, and named by who removes it', async (t) => {
  line.type('rm /srv/plain.log\r');
  const shown = await line.expect(/to remove this for good: $/);
  t.match(shown, /1 would be removed\r\nwould remove \/srv\/plain\.log/);
  t.notMatch(shown, /--approve/);
  t.match(await type('host2'), /That is not host1\. Nothing was done\./);
  t.ok(await exists('/srv/plain.log'));
  line.type('rm /srv/plain.log\r');
  await line.expect(/to remove this for good: $/);
  t.match(await type('host1'), /succeeded: 1 removed[\s\S]*power: S5 throughout/);
  t.notOk(await exists('/srv/plain.log'));
});

await t.test('a remedy says what is typed here', async (t) => {
  t.match(await type('get /srv'), /IS_A_DIRECTORY[\s\S]*remedy: Name one file in it\.\r\n/);
  t.match(await type('put /srv'), /IS_A_DIRECTORY[\s\S]*remedy: Name the file itself/);
  t.match(await type('rm /srv/many'), /remedy: Say -r to mean it and all in it\.\r\n/);
});

await t.test('what takes two people or a token is refused here too, with the reason', async (t) => {
  line.type('rm -r /srv/many\r');
  await line.expect(/-- more[^\r]*-- $/);
  t.match(await type(''), /refused NEEDS_TWO_PEOPLE: [\s\S]*remedy: /);
  t.match(await type('rm /boot/vmlinuz'), /refused PATH_PROTECTED: [\s\S]*remedy: /);
  t.ok(await exists('/boot/vmlinuz'));
});

await t.test('channels are read and watched; Ctrl-C stops a task and says what it came to', async (t) => {
  const listed = await type('io list');
  const channel = /^(\S+) +\S+ +\S* +rw? /m.exec(listed)?.[1] ?? /^(\S+).* r[w-] /m.exec(listed)![1]!;
  t.match(await type(`io read ${channel}`), new RegExp(`succeeded: ${channel} = `));
  line.type(`io watch ${channel} 600\r`);
  await eventually(async () => {
    const { result } = await host.give('task.list', {}, { key: host.officer });
    return result!.tasks.some(({ verb, state }) => verb === 'io.watch' && state === 'running');
  });
  line.type('\x03');
  t.match(await line.expect(/@host1> $/), /Asking it to stop\.[\s\S]*cancelled/);
  t.match(await type('tasks'), /succeeded: 0 tasks\r\n/);
});

await t.test('the board is tested by who may see how it stands, and the audit log says so', async (t) => {
  const said = await type('board test');
  t.match(said, /\r\nproven {4}power: S5[\s\S]*\r\nproven {4}disks: disk0 with the host\r\n/);
  t.match(said, /\r\n\d+ proven, 0 failed(?:, \d+ \w+)*\r\n/);
  t.notMatch(said, /light /, 'nothing is driven');
  t.match(await type('board test --drive'), /light identify-led: 0, 1, and 0 again/);
  t.match(await type('sensors'), /succeeded: \d+ sensors[\s\S]*inlet-temp +\d+ +m deg C/);
  const { result } = await host.give('audit.read', { limit: 64 }, { key: host.officer });
  t.match(
    result!.entries.filter(({ event }) => event === 'console.board-test').map(({ detail }) => detail),
    [/^tim at the console .*: \d+ proven, 0 failed/, /, lights driven$/],
  );
  await type('terminal rows 8');
  line.type('board test\r');
  await line.expect(/-- more \(q ends\) -- $/);
  t.match(await type('q'), /\d+ proven, 0 failed, \d+ not looked at/);
  line.type('board test\r');
  await line.expect(/-- more \(q ends\) -- $/);
  line.type('\x03');
  await line.expect(/@host1> $/);
  const { result: later } = await host.give('audit.read', { limit: 64 }, { key: host.officer });
  t.match(later!.entries.filter(({ event }) => event === 'console.board-test').at(-1), {
    detail: / not looked at$/,
  });
  await type('terminal rows 24');
});

await t.test('how the network stands, what the log says, and which key it is', async (t) => {
  t.match(
    await type('network'),
    /gateway: [\s\S]*broker: {4}mqtt:\/\/127\.0\.0\.1:1\r\nstate: {5}connected since \d{4}-/,
  );
  t.match(
    await type('logs 3'),
    /logs 3\r\n(?:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \w+ +\S[^\r]*\r\n(?: {4}[^\r]*\r\n)*){3}tim@/,
  );
  t.match(await type('logs 0'), /takes a number of lines/);
  const shown = await type('enrol');
  t.match(shown, /key id (?:[0-9a-f]{4} ){3}[0-9a-f]{4}\./);
  t.match(
    shown,
    new RegExp(`nightshift device add \\\\\r\n {4}'host1: ${publicKeyText(host.device.publicKey)}'\r\n`),
  );
});

await t.test('the menu does the same by numbers, and shows the command that each is', async (t) => {
  line.type('menu\r');
  const shown = await line.expect(/Number: $/);
  t.match(shown, / 1 {2}How does this machine stand\?[\s\S]* 0 {2}Leave the menu/);
  t.notMatch(shown, /Log in/);
  const choose = (says: string): void => {
    line.type(`${new RegExp(` (\\d+) {2}${says}`).exec(shown)![1]}\r`);
  };
  choose('Is the host on');
  t.match(await line.expect(/Number: $/), /> power\r\nhost: S5/);
  choose('Look into a directory');
  await line.expect(/such as \/var\/log\? $/);
  line.type('/srv\r');
  t.match(await line.expect(/Number: $/), /> ls -l \/srv\r\nsucceeded: [\s\S]*two words/);
  choose('Find files by name');
  await line.expect(/directory\? $/);
  line.type('/\r');
  await line.expect(/anything: $/);
  line.type('TWO w*\r');
  t.match(await line.expect(/Number: $/), /> find \/ -iname "TWO w\*"\r\n[\s\S]*\/srv\/two words/);
  line.type('99\r');
  t.match(await line.expect(/Number: $/), /There is no number "99" here\./);
  line.type('0\r');
  await line.expect(/tim@host1> $/);
});

await t.test(
  'it is in the audit log, by the key of who was there, at this door as at any other',
  async (t) => {
    line.type('exit\r');
    await line.expect(/\nhost1> $/);
    const { entries } = (await host.give('audit.read', { limit: 64 }, { key: host.officer })).result!;
    const removed = entries.find(
      ({ event, detail }) => event === 'order.succeeded' && /plain\.log/.test(detail),
    );
    t.equal(toHex(removed!.by!), toHex(new Keyring([tim]).entries()[0]!.keyId));
  },
);

await t.test('a key that has left the keyring orders nothing from that moment', async (t) => {
  await boot([{ ...tim, scopes: [{ hosts: ['host2'] }] }]);
  await logInAt(line, 'tim');
  t.match(await type('ls /'), /refused OUT_OF_SCOPE/);
});
