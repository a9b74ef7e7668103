import t from 'tap';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { minutes, utf8 } from '../../src/base/index.ts';
import type { KeyStore } from '../../src/ports/index.ts';
import { Keyring, type KeyringEntry, publicKeyText } from '../../src/security/index.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { eventually } from '../kit/eventually.ts';
import { MemoryLine } from '../kit/memory-line.ts';
import { addTechnicianTo, logInAt } from '../kit/technicians.ts';

/** Nobody has touched a key for so long. */
let passIdle = (): void => undefined;
const host = await ColdHost.start({
  fill: async () => undefined,
  clock: {
    ...systemClock,
    after: (duration, done) => {
      if (duration !== minutes(15)) return systemClock.after(duration, done);
      passIdle = done;
      return () => undefined;
    },
  },
});
t.teardown(() => host.close());
const line = new MemoryLine();
host.openLine = line.open;
const { io } = host.machine;
const tim = await addTechnicianTo(host, 'tim');
const say = (text: string): void => io.say('console', utf8(text));

async function boot(keys: readonly KeyringEntry[], settings?: object): Promise<void> {
  await host.stop();
  const entry = (name: string, role: 'security' | 'governor', { publicKey }: KeyStore): KeyringEntry => ({
    name,
    role,
    key: publicKeyText(publicKey),
  });
  await host.boot({
    keyring: new Keyring([
      entry('sam', 'security', host.officer),
      entry('tess', 'security', host.officer2),
      entry('gov', 'governor', host.governor.key),
      ...keys,
    ]),
    console: {
      path: '/dev/console',
      baud: 9600,
      ...(settings === undefined ? {} : { host: settings }),
    },
  });
  await line.expect(/help[^\r]*\r\n\r\nhost1> $/);
}
await boot([tim]);

async function type(text: string): Promise<string> {
  line.type(`${text}\r`);
  return line.expect(/[a-z]+@host1> $/);
}
async function join(words = ''): Promise<string> {
  line.type(`host console ${words}\r`);
  return line.expect(/tells more\]\r\n/);
}
const leave = async (): Promise<string> => {
  line.type('\r~.');
  return line.expect(/@host1> $/);
};
const noted = async () =>
  (await host.give('audit.read', { limit: 64 }, { key: host.officer }))
    .result!.entries.filter(({ event }) => event.startsWith('console.host'))
    .map(({ event, detail }) => `${event} ${detail.replace(/\d+ s/, 'N s')}`);

await t.test('what is typed goes to the host, Ctrl-C too, and what it says is shown as text', async (t) => {
  await logInAt(line, 'tim');
  t.match(await join(), /\[console of the host, writing; ~\. leaves/);
  line.type('ls\r');
  t.match(await line.expect(/sim-host> /), /^ls\r\nsim-host> $/);
  line.type('\x03\x1b[A');
  await line.expect(/\^C/);
  say('\x1b[31mred\x1b[0m \x1b]0;title\x07\x9b\xe9\u{fffd}\ttab\r\nnext');
  t.match(await line.expect(/next/), /red [?]+ +tab\r\nnext/);
  line.type('\r~?');
  t.match(await line.expect(/tim at the console \/dev\/console writes\]/), /~B sends a break/);
  t.match(await leave(), /\[left the console of the host\]\r\n/);
  const odd = Array.from(line.screen).filter((c) => !/[ -~]/.test(c) && !'\x07\b\r\n'.includes(c));
  t.same(odd, []);
  t.same(
    (await noted()).map((entry) => entry.replace(/\d+ (bytes|shown)/g, '# $1')),
    [
      'console.host-join tim at the console /dev/console, to write',
      'console.host-leave tim at the console /dev/console, N s, writing, # bytes to the host, # shown, 0 left out: left',
    ],
  );
});

await t.test(
  'who comes later sees what was said before, and a terminal that can gets it as it was',
  async (t) => {
    say('\x1b[32mgreen\x1b[0m caf\u00e9\r\n');
    t.match(await type('terminal vt100 8bit'), /vt100, 80 columns, 24 rows, 8 bits/);
    line.type('host console --back -escape %\r');
    const shown = await line.expect(/caf\u00c3\u00a9\r\n/);
    t.match(shown, /next/);
    t.ok(shown.includes('\x1b[32mgreen\x1b[0m'));
    line.type('\r~.\r%.after');
    // A host that asks the terminal something must not have the answer at our prompt.
    const left = await line.expect(/@host1> $/);
    t.match(left, /left the console/);
    t.ok(left.includes('\x0f\x1b[m'));
    await type('terminal plain');
  },
);

await t.test('silence and a pulled cable leave, and that is written down', async (t) => {
  await join();
  line.type('x');
  await line.expect(/x/);
  passIdle();
  await line.expect(/\nhost1> $/);
  await logInAt(line, 'tim');
  await join();
  line.unplug();
  await line.expect(/\nhost1> $/);
  await eventually(async () => (await noted()).filter((entry) => entry.endsWith('gone')).length === 2);
  await logInAt(line, 'tim');
  t.match(await join(), /writing/, 'who left has it no more');
  await leave();
});

await t.test('a machine that is disabled, and a key that may not write, end it', async (t) => {
  await join();
  const disabled = await host.give('machine.disable', { reason: 'stolen' }, { key: host.officer });
  t.equal(disabled.outcome, 'succeeded');
  t.match(await line.expect(/@host1> $/), /left the console of the host: refused DISABLED/);
  t.match(await type('host console'), /refused DISABLED/);
  t.match(await join('-watch'), /watching/);
  await leave();
  await host.give('machine.enable', {}, { key: host.officer });
  await boot([{ ...tim, scopes: [{ verbs: ['io.watch', 'io.read'] }] }]);
  await logInAt(line, 'tim');
  t.match(await type('host console'), /refused OUT_OF_SCOPE/);
  t.match(await join('-watch'), /watching/);
  await leave();
  await boot([{ ...tim, scopes: [{ verbs: ['machine.status'] }] }]);
  await logInAt(line, 'tim');
  t.match(await type('host console -watch'), /refused OUT_OF_SCOPE/);
  t.match(await type('host log'), /refused OUT_OF_SCOPE/);
});

await t.test('a grant for certain power states holds nobody joined in others', async (t) => {
  const power = host.machine.host;
  await boot([{ ...tim, scopes: [{ verbs: ['io.*', 'machine.status'], states: ['S5'] }] }]);
  await logInAt(line, 'tim');
  for (const words of ['', '-watch']) {
    await join(words);
    power.set('S0');
    t.match(
      await line.expect(/@host1> $/),
      /left the console of the host: refused OUT_OF_SCOPE[^\]]*power state S0/,
    );
    t.match(await type('host console -watch'), /refused OUT_OF_SCOPE/);
    t.match(await type('logs'), /refused OUT_OF_SCOPE/);
    power.set('S5');
    t.match(await type('logs'), /tools\.confinement/);
  }
});

await t.test('what the host said outlives the agent, whether somebody was there or not', async (t) => {
  say('panic: \x1b[1mnot syncing\x1b[0m\r\nrebooting');
  await boot([tim]);
  await logInAt(line, 'tim');
  say('second start\r\n');
  const log = await type('host log 20');
  t.match(
    log,
    /panic: not syncing\r\nrebooting\r\n\[[^\]]*the agent was started\]\r\n\[[^\]]*\]\r\nsecond start/,
  );
  t.match(await type('host log none'), /takes a number of lines/);
  await boot([tim], { log: false, escape: '%' });
  await logInAt(line, 'tim');
  t.match(await type('host log'), /Nothing is kept/);
  t.match(await join(), /writing; %\. leaves/);
  line.type('~.\r%.');
  await line.expect(/@host1> $/);
});

await t.test('a host that floods fills nothing and stops nothing', async (t) => {
  await boot([tim]);
  await logInAt(line, 'tim');
  await join();
  const flood = new Uint8Array(1024 * 1024).fill(0x78);
  for (let i = 0; i < 16; i += 1) io.say('console', flood);
  say('\r\nthe end\r\n');
  t.match(
    await line.expect(/the end\r\n/),
    /\[\d+ bytes of the host are left out: it is faster than this terminal\]/,
  );
  await leave();
  t.match(await type('host log 3'), /bytes were not kept|x{79}/);
  t.match(await type('status'), /succeeded: board sim-host/);
});
