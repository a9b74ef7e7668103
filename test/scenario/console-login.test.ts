import t from 'tap';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { minutes } from '../../src/base/index.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { eventually } from '../kit/eventually.ts';
import { MemoryLine } from '../kit/memory-line.ts';
import { addTechnicianTo, logInAt, PASSWORD } from '../kit/technicians.ts';

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
await addTechnicianTo(host, 'tim');

async function boot(): Promise<void> {
  await host.stop();
  await host.boot({ console: { path: '/dev/console', baud: 9600 } });
  await line.expect(/help[^\r]*\r\n\r\nhost1> $/);
}
await boot();

const noted = async () =>
  (await host.give('audit.read', { limit: 64 }, { key: host.officer }))
    .result!.entries.filter(({ event }) => event.startsWith('console.'))
    .map(({ event, detail }) => `${event} ${detail}`);

await t.test('before log-in there is little; the password is never on the screen', async (t) => {
  line.type('help\r');
  const before = await line.expect(/exit[\s\S]*host1> $/);
  t.same(
    [...before.matchAll(/^([a-z]+) +[a-z"]/gm)].map(([, name]) => name),
    ['status', 'unlock', 'login', 'enrol', 'terminal', 'menu', 'help', 'exit'],
  );
  await logInAt(line, 'tim');
  line.type('help\r');
  t.match(await line.expect(/exit[\s\S]*tim@host1> $/), /logout {4}log out/);
  line.type('help login\r');
  t.match(await line.expect(/tim@host1> $/), /There is no command "login"/);
  t.notMatch(line.screen, PASSWORD);
});

await t.test('exit, silence and a pulled cable log out, and the next one is a stranger', async (t) => {
  line.type('exit\r');
  await line.expect(/Nightshift[\s\S]*\nhost1> $/);
  await logInAt(line, 'tim');
  line.type('logout\r');
  await line.expect(/tim has logged out\.[\s\S]*Nightshift[\s\S]*\nhost1> $/);
  await logInAt(line, 'tim');
  passIdle();
  await line.expect(/Nightshift[\s\S]*\nhost1> $/);
  await logInAt(line, 'tim');
  line.unplug();
  await line.expect(/Nightshift[\s\S]*\nhost1> $/);
  await logInAt(line, 'tim');
  await boot();
  t.same(
    (await noted()).filter((entry) => entry.includes('log-out')),
    ['left', 'left', 'idle for 15 minutes', 'the line hung up', 'the agent stopped'].map(
      (why) => `console.log-out tim, ${why}`,
    ),
  );
  t.equal((await noted()).filter((entry) => entry === 'console.log-in tim').length, 5);
});

await t.test('who pulls the cable while the password is judged leaves no session behind', async (t) => {
  const outs = (await noted()).length;
  line.type('login tim\r');
  await line.expect(/password: $/);
  line.type(`${PASSWORD}\r`);
  line.unplug();
  await line.expect(/Nightshift[\s\S]*\nhost1> $/);
  await eventually(async () => (await noted()).length >= outs + 2);
  t.same((await noted()).slice(outs), ['console.log-in tim', 'console.log-out tim, gone before the answer']);
  line.type('status\r');
  t.notMatch(await line.expect(/network:[\s\S]*host1> $/), /tim@/);
});

await t.test(
  'who guesses waits longer each time, also after a restart, and rubbish ends nothing',
  async (t) => {
    const guess = async (password: string): Promise<string> => {
      line.type(`login\rtim\r`);
      await line.expect(/password: $/);
      line.type(`${password}\r`);
      return line.expect(/(?:Wrong|Too soon)[\s\S]*host1> $/);
    };
    t.match(await guess('\x1b[31mnot it\x00'), /Wrong name or password\. The next try has to wait 1 s\./);
    t.match(await guess(PASSWORD), /Too soon: wait 1 s\./, 'even the right one waits');
    await boot();
    t.match(await guess(PASSWORD), /Too soon: wait 1 s\./);
    line.type(`login tim ${PASSWORD}\r`);
    t.match(await line.expect(/host1> $/), /Type the name alone/);
    line.type('x'.repeat(1_000_000));
    line.type('\x15\r');
    await line.expect(/host1> $/);
    for (let i = 0; i < 64; i += 1) line.type('\r'.repeat(64));
    line.type('help\r');
    await line.expect(/Ctrl-C leaves[\s\S]*host1> $/);
    await logInAt(line, 'tim');
    const refused = (await noted()).filter((entry) => entry.startsWith('console.refused'));
    t.same(refused, ['console.refused tim, try 1']);
  },
);
