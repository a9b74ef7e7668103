import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { systemEntropy } from '../../src/adapters/entropy.ts';
import { toHex } from '../../src/base/index.ts';
import { type PassTerms, passLine, signPass, writePassRows } from '../../src/security/index.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { MemoryLine } from '../kit/memory-line.ts';

const host = await ColdHost.start({
  fill: async (tree) => {
    await mkdir(join(tree, 'var/log'), { recursive: true });
    await writeFile(join(tree, 'var/log/syslog'), 'x'.repeat(3000));
    await writeFile(join(tree, 'secret'), 'x');
  },
});
t.teardown(() => host.close());
const line = new MemoryLine();
host.openLine = line.open;

async function boot(): Promise<void> {
  await host.stop();
  await host.boot({ console: { path: '/dev/console', baud: 9600 } });
  await line.expect(/help[^\r]*\r\n\r\nhost1> $/);
}
await boot();

async function rowsOf(change: Partial<PassTerms> = {}): Promise<readonly string[]> {
  const subject = { tenant: 'acme', device: 'host1', deviceKey: host.device.publicKey };
  const terms = {
    ...{ name: 'kim', person: 'Kim', at: host.clock.wallSeconds(), minutes: 60 },
    salt: systemEntropy.randomBytes(4),
    ...change,
  };
  return writePassRows(await signPass(subject, terms, host.operator));
}

/** Pasted as it was printed. */
async function paste(rows: readonly string[]): Promise<string> {
  for (;;) {
    line.type('login --pass\r');
    await line.expect(/row 1: $/);
    line.type(`-----BEGIN NIGHTSHIFT CONSOLE PASS-----\r${rows.join('\r')}\r`);
    const said = await line.expect(/(?:Logged in|Refused|Too soon)[\s\S]*> $/);
    if (!said.includes('Too soon')) return said;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
async function type(text: string): Promise<string> {
  line.type(`${text}\r`);
  return line.expect(/[a-z]+@host1> $/);
}

await t.test('who was given a pass types it row by row, and does what it covers and no more', async (t) => {
  const rows = await rowsOf({ verbs: ['file.list', 'machine.status', 'volume.list'], paths: ['/var/log'] });
  const status = await rowsOf({ verbs: ['machine.status', 'volume.list', 'file.*'] });
  line.type('login --pass\r');
  await line.expect(/row 1: $/);
  const [first, ...others] = rows;
  line.type(`${first!.slice(0, -1)}${first!.endsWith('A') ? 'B' : 'A'}\r`);
  await line.expect(/Mistyped[\s\S]*row 1: $/);
  line.type(`${first}\r`);
  await line.expect(new RegExp(`row 2 of ${rows.length}: $`));
  line.type(`${others.join('\r')}\r`);
  await line.expect(/Logged in as kim\.[\s\S]*kim@host1> $/);
  t.match(await type('ls /var/log'), /succeeded: 1 entry\r\nsyslog/);
  t.match(await type('ls /'), /refused OUT_OF_SCOPE/);
  t.match(await type('rm /var/log/syslog'), /refused OUT_OF_SCOPE/);
  t.match(await type('host console'), /refused OUT_OF_SCOPE/);
  t.match(await type('logs'), /refused OUT_OF_SCOPE/, 'a right to paths is none to the log');
  line.type('logout\r');
  await line.expect(/\nhost1> $/);
  t.match(await paste(rows), /Refused REPLAYED: This pass was used before\./);
  t.match(await paste([passLine(status)]), /Logged in as kim/);
  t.match(await type('disks'), /succeeded: 1 volume/);
  t.match(await type('logs 2'), /info|warn/);
  line.type('rm /var/log/syslog\r');
  await line.expect(/for good: $/);
  t.match(await type('host1'), /succeeded: 1 removed/);
});

await t.test('two people, tokens and locks are beyond any pass; it is used up over a restart', async (t) => {
  const rows = await rowsOf();
  await boot();
  t.match(await paste(rows), /Logged in as kim/);
  t.match(
    await type('rm -r /var'),
    /refused (?:DELEGATION_INVALID|NEEDS_TWO_PEOPLE|NEEDS_TOKEN|PATH_PROTECTED)/,
  );
  t.match(await type('audit'), /refused NOT_PERMITTED/);
  await boot();
  t.match(await paste(rows), /Refused REPLAYED/);
});

await t.test('it is written down who came by whose pass, and for whom he ordered', async (t) => {
  t.match(await paste(await rowsOf({ verbs: ['io.*'] })), /Logged in as kim/);
  line.type('host console\r');
  await line.expect(/tells more\]\r\n/);
  line.type('~.');
  await line.expect(/kim@host1> $/);
  const { entries } = (await host.give('audit.read', { limit: 64 }, { key: host.officer })).result!;
  const logIn = entries.find(({ event }) => event === 'console.log-in');
  const giver = toHex(host.operator.publicKey.keyId);
  t.equal(logIn?.detail, `kim, by a pass of olga, key ${giver}`);
  const removed = entries.find(({ event, detail }) => event === 'order.succeeded' && /syslog/.test(detail));
  t.match(removed?.detail, new RegExp(`\\(for key ${giver}\\)`));
  for (const event of ['console.host-join', 'console.host-leave']) {
    const joined = entries.find((entry) => entry.event === event);
    t.match(joined?.detail, new RegExp(`^kim \\(for key ${giver}\\) at the console`));
  }
  t.ok(
    entries.some(({ event, detail }) => event === 'console.refused' && /by a pass, REPLAYED/.test(detail)),
  );
});
