import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { ConsoleAgents } from '../kit/console-agent.ts';
import { STRANGERS_MENU, TECHNICIANS_MENU } from '../kit/console-menu-paths.ts';
import { keptText, notPlain, paperOf } from '../kit/console-paper.ts';
import {
  type ConsolePath,
  commandsIn,
  entriesIn,
  logIn,
  OFFERED,
  type PathBench,
  PROMPT,
  STRANGERS_COMMANDS,
  TECHNICIANS_COMMANDS,
} from '../kit/console-paths.ts';
import { run, scratch } from '../kit/disk-tools.ts';
import { eventually } from '../kit/eventually.ts';
import { ExpectTechnician } from '../kit/expect-technician.ts';
import { KeptScreens } from '../kit/kept-screens.ts';
import type { LineTechnician } from '../kit/line-technician.ts';
import { noise } from '../kit/noise.ts';
import { SerialCable } from '../kit/serial-cable.ts';
import { TmuxTechnician } from '../kit/tmux-technician.ts';

const { dir, remove } = await scratch();
t.teardown(remove);
const cable = await SerialCable.lay({ terminal: true });
t.teardown(() => cable.remove());
const agent = await (await ConsoleAgents.build(dir)).start('host', cable.devicePath);
t.teardown(() => agent.stop());
await eventually(() => PROMPT.test(cable.heard), 60_000);
const kept = new KeptScreens('test/vectors/console');
const bench: PathBench = {
  agent,
  hangUp: async () => {
    await cable.unplug();
    await cable.plug();
  },
};
/** What "help" and the menu list, to whom. */
const listed = { commands: new Set<string>(), entries: new Set<string>() };

/** Whoever sits there goes these ways; each is compared with what is kept of it. `shown`: what the terminal shows, once it shows it. */
async function walk(
  t: Test,
  at: LineTechnician,
  paths: readonly ConsolePath[],
  shown?: TmuxTechnician['paper'],
): Promise<void> {
  for (const { name, walk } of paths) {
    at.again();
    await walk(at, bench);
    const menu = name === 'menu';
    const text = keptText(paperOf(at.printed), { menu });
    t.equal(text, await kept.of(name, text), name);
    if (shown === undefined) continue;
    const ends = (rows: readonly string[]): boolean => keptText(rows, { menu }).endsWith(text);
    const rows = await shown(ends);
    t.ok(ends(rows), `${name}, as the terminal shows it`, { rows, text });
  }
}

async function takeLists(at: LineTechnician): Promise<void> {
  for (const name of commandsIn(await at.type('help\r', PROMPT))) listed.commands.add(name);
  for (const says of entriesIn(await at.type('menu\r', /Number: $/))) listed.entries.add(says);
  await at.type('0\r', PROMPT);
}

const tmux = (program: string, ready: RegExp): Promise<TmuxTechnician> =>
  TmuxTechnician.start(cable, dir, program, ready);
const picocom = (): Promise<TmuxTechnician> =>
  tmux(`picocom --nolock --baud 9600 ${cable.terminalPath}`, /Terminal ready/);

await t.test('the menu before log-in, in picocom in tmux, of 80 columns and 24 rows', async (t) => {
  const at = await picocom();
  t.teardown(() => at.leave());
  await at.type('\r', PROMPT);
  await takeLists(at);
  await walk(t, at, STRANGERS_MENU, (right) => at.paper(right));
});

await t.test('every command, in picocom driven by expect, which keeps a log', async (t) => {
  const log = join(dir, 'logger');
  const from = cable.heard.length;
  const at = await ExpectTechnician.start(cable, dir, log);
  t.teardown(() => at.leave());
  await at.type('\r', PROMPT);
  await walk(t, at, STRANGERS_COMMANDS);
  await walk(t, at, TECHNICIANS_COMMANDS);
  await at.leave();
  t.equal(await readFile(log, 'latin1'), cable.heard.slice(from), 'the log has what the line has brought');
});

await t.test('every entry of the menu, in picocom in tmux', async (t) => {
  const at = await picocom();
  t.teardown(() => at.leave());
  await at.type('\r', PROMPT);
  const [login, ...rest] = TECHNICIANS_MENU;
  await walk(t, at, [login!], (right) => at.paper(right));
  await takeLists(at);
  await at.type('ls -r /srv\r', /-- more [^\r]*-- $/);
  await at.paper((rows) => rows.at(-1)?.startsWith('-- more') === true);
  const screen = await at.screen();
  t.equal(screen.length, 24);
  t.equal(screen[0], 'succeeded: 64 entries', 'a page fills the screen, and nothing of it is gone');
  await at.type('q\r', PROMPT);
  await walk(t, at, rest, (right) => at.paper(right));
});

await t.test('screen and minicom show the same', async (t) => {
  const env = `env HOME=${dir} SCREENDIR=${join(dir, 'screens')}`;
  await mkdir(join(dir, 'screens'), { mode: 0o700 });
  await writeFile(join(dir, '.minirc.dfl'), `pu lock ${dir}\npu rtscts No\n`);
  // What fits a screen: they keep themselves what is above it.
  const before = STRANGERS_COMMANDS.filter(({ name }) => name === 'help-before-login');
  const screen = await tmux(`${env} screen -c /dev/null -S line ${cable.terminalPath} 9600`, /^$/);
  // It would live on in the background.
  t.teardown(() => run('env', [...env.split(' ').slice(1), 'screen', '-S', 'line', '-X', 'quit'], [0, 1]));
  t.teardown(() => screen.leave());
  await screen.arrive();
  await walk(t, screen, before, (right) => screen.paper(right));
  await run('env', [...env.split(' ').slice(1), 'screen', '-S', 'line', '-X', 'quit']);
  await screen.leave();
  const minicom = await tmux(
    `${env} minicom --noinit --device ${cable.terminalPath} --baudrate 9600`,
    /CTRL-A Z/,
  );
  t.teardown(() => minicom.leave());
  await minicom.arrive();
  await walk(t, minicom, before, (right) => minicom.paper(right));
});

await t.test(
  'no command and no entry of the menu lacks a kept screen, and each that is kept was seen',
  async (t) => {
    const paths = [...STRANGERS_COMMANDS, ...TECHNICIANS_COMMANDS, ...STRANGERS_MENU, ...TECHNICIANS_MENU];
    const walked = new Set(paths.map((path) => path.of));
    t.same(
      [...listed.commands].filter((name) => !walked.has(name)),
      [],
      'commands of "help"',
    );
    t.same(
      [...listed.entries].filter((says) => !walked.has(says)),
      [],
      'entries of the menu',
    );
    t.ok(listed.commands.size > 15 && listed.entries.size > 10);
    t.same(await kept.stale(), []);
  },
);

await t.test('all that was printed is seven bits, moves no cursor, and fits 79 columns', async (t) => {
  t.same(notPlain(cable.heard), []);
  t.same(
    paperOf(cable.heard).filter((row) => row.length > 79),
    [],
  );
});

await t.test("files are fetched and put by picocom's own commands, which run rz and sz", async (t) => {
  const [laptop, place] = [join(dir, 'laptop'), '/srv/by-hand'];
  await mkdir(laptop);
  const at = await ExpectTechnician.start(cable, laptop, join(dir, 'transfers'));
  t.teardown(() => at.leave());
  await at.type('\r', PROMPT);
  await logIn(at, 'tim');
  await at.type('get /var/log/syslog\r', OFFERED);
  await at.local('\x01\x12', 'file: ');
  await at.local('\r', 'exit status: 0.*@host1> $');
  t.equal(await readFile(join(laptop, 'syslog'), 'utf8'), 'y'.repeat(70_000));
  const content = noise(20_000, 7);
  await writeFile(join(laptop, 'mine'), content);
  await at.type(`put ${place}\r`, OFFERED);
  await at.local('\x01\x13', 'file: ');
  await at.local('mine\r', 'exit status: 0.*@host1> $');
  t.match(await at.type(`stat ${place}\r`, PROMPT), /file, 19\.5 KiB \(20000 B\)/);
  await at.type(`get ${place}\r`, OFFERED);
  await at.local('\x01\x12', 'file: ');
  await at.local('\r', 'exit status: 0.*@host1> $');
  t.same(new Uint8Array(await readFile(join(laptop, 'by-hand'))), content);
  await at.type('logout\r', PROMPT);
});
