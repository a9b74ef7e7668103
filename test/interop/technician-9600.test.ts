import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type ConsoleAgent, ConsoleAgents } from '../kit/console-agent.ts';
import { STRANGERS_MENU, TECHNICIANS_MENU } from '../kit/console-menu-paths.ts';
import { keptText, notPlain, paperOf } from '../kit/console-paper.ts';
import {
  type ConsolePath,
  logIn,
  OFFERED,
  PROMPT,
  STRANGERS_COMMANDS,
  TECHNICIANS_COMMANDS,
} from '../kit/console-paths.ts';
import { scratch } from '../kit/disk-tools.ts';
import { eventually } from '../kit/eventually.ts';
import { KeptScreens } from '../kit/kept-screens.ts';
import { LineTechnician } from '../kit/line-technician.ts';
import { noise } from '../kit/noise.ts';
import { SerialCable } from '../kit/serial-cable.ts';

/** 9600 baud, with a start and a stop bit. */
const BYTES_A_SECOND = 960;
/** All but what is the same text for each command. */
const COMMANDS = TECHNICIANS_COMMANDS.filter(({ name }) => name !== 'help-of-each');
/** Until there; the rest on another line at the same time. */
const HALF = COMMANDS.findIndex(({ name }) => name === 'memcheck');
/** Each kind of entry, before log-in and after: the menu itself is 900 bytes, and what is behind its numbers are the commands. */
const SAMPLED = /^menu-(?:status|unlock|login|find|io-list|get|logout)/;
const MENU = TECHNICIANS_MENU.filter(({ name }) => SAMPLED.test(name));
const BEFORE = STRANGERS_MENU.filter(({ name }) => /^menu-(?:status|unlock|pass)/.test(name));
const kept = new KeptScreens('test/vectors/console');
const { dir, remove } = await scratch();
t.teardown(remove);
const agents = await ConsoleAgents.build(dir);

/** A device on a line of its own. */
class Line {
  readonly cable: SerialCable;
  readonly agent: ConsoleAgent;
  readonly at: LineTechnician;
  readonly #begun = performance.now();

  private constructor(cable: SerialCable, agent: ConsoleAgent) {
    this.cable = cable;
    this.agent = agent;
    this.at = new LineTechnician(cable);
  }

  static async lay(name: string, released: boolean): Promise<Line> {
    const cable = await SerialCable.lay({ bytesPerSecond: BYTES_A_SECOND });
    t.teardown(() => cable.remove());
    const agent = await agents.start(name, cable.devicePath, { released });
    t.teardown(() => agent.stop());
    await eventually(() => PROMPT.test(cable.heard), 60_000);
    return new Line(cable, agent);
  }

  /** How long each path took. */
  async walk(t: Test, paths: readonly ConsolePath[]): Promise<readonly { ms: number; bytes: number }[]> {
    const { at, cable, agent } = this;
    const hangUp = async (): Promise<void> => {
      await cable.unplug();
      await cable.plug();
    };
    const took: { ms: number; bytes: number }[] = [];
    for (const { name, walk } of paths) {
      at.again();
      const [began, from] = [performance.now(), cable.heard.length];
      await walk(at, { agent, hangUp });
      took.push({ ms: performance.now() - began, bytes: cable.heard.length - from });
      t.equal(keptText(paperOf(at.printed), { menu: name === 'menu' }), await kept.read(name), name);
    }
    return took;
  }

  /** What the line could have brought in this time, at the most. */
  get most(): number {
    return ((performance.now() - this.#begun) / 1000) * BYTES_A_SECOND + BYTES_A_SECOND / 10;
  }
}

const [strangers, commands, others, menu, files] = await Promise.all([
  Line.lay('strangers', false),
  Line.lay('commands', true),
  Line.lay('others', true),
  Line.lay('menu', true),
  Line.lay('files', true),
]);

/** More than sz gets ahead of the line, which has room for three of its blocks. */
const FILE = noise(5000, 7);

/** Whoever has the other end runs sz, and then rz, on a line that takes no byte before its time. */
async function carryFile(t: Test): Promise<void> {
  const { at, cable } = files;
  const laptop = join(dir, 'laptop');
  await mkdir(laptop);
  await writeFile(join(laptop, 'mine'), FILE);
  await logIn(at, 'tim');
  await at.type('put /srv/new\r', OFFERED);
  const [began, typed] = [performance.now(), cable.typed];
  t.equal(await cable.run('sz', ['-q', '-b', 'mine'], laptop), 0, 'sz has put it');
  const [seconds, bytes] = [(performance.now() - began) / 1000, cable.typed - typed];
  t.comment(`put: ${bytes} bytes on the line for ${FILE.byteLength}, ${seconds.toFixed(1)} s`);
  t.ok(bytes < FILE.byteLength * 1.2, 'nothing came twice');
  t.ok(bytes <= (seconds + 0.1) * BYTES_A_SECOND, 'no faster than the line');
  t.match(await at.type(''), /All 5000 bytes have come[\s\S]*succeeded/);
  await at.type('get /srv/new\r', OFFERED);
  const heard = cable.heard.length;
  t.equal(await cable.run('rz', ['-q', '-b'], laptop), 0, 'rz has fetched it');
  t.ok(cable.heard.length - heard < FILE.byteLength * 1.2);
  t.match(await at.type(''), /The receiver has said that it has all 5000 bytes/);
  t.same(new Uint8Array(await readFile(join(laptop, 'new'))), FILE);
}

await t.test(
  'at 9600 baud every command, and the menu, prints all that it prints at once; sz and rz carry a file',
  async (t) => {
    const [, , , took] = await Promise.all([
      strangers.walk(t, [...BEFORE, ...STRANGERS_COMMANDS]),
      commands.walk(t, COMMANDS.slice(0, HALF)),
      logIn(others.at, 'tim').then(() => others.walk(t, COMMANDS.slice(HALF))),
      menu.walk(t, MENU),
      carryFile(t),
    ]);
    const [slowest, mean] = [
      Math.max(...took.map(({ ms }) => ms)),
      took.reduce((sum, { ms }) => sum + ms, 0) / took.length,
    ];
    const bytes = took.reduce((sum, each) => sum + each.bytes, 0) / took.length;
    t.comment(
      `from "menu" to the prompt again: ${(mean / 1000).toFixed(1)} s and ${Math.round(bytes)} bytes on the average, ${(slowest / 1000).toFixed(1)} s the longest`,
    );
    for (const { cable, most } of [strangers, commands, others, menu, files]) {
      t.comment(`${cable.heard.length} bytes printed`);
      if (cable !== files.cable) t.same(notPlain(cable.heard), []);
      t.ok(cable.heard.length <= most, 'the line was as slow as it should be');
    }
  },
);

await t.test('what is typed ahead while the line is busy is kept, and answered in its order', async (t) => {
  const { at, cable } = commands;
  at.again();
  const typed = [
    'ls /srv',
    'find / -iname *LOG*',
    'ls -r /srv',
    'q',
    'power',
    'stat /srv/two\\ words',
    'staged',
  ];
  cable.type(`${typed.join('\r')}\r`);
  await at.type('', /0 staged orders[^>]*host1> $/);
  const text = keptText(paperOf(at.printed));
  t.same(
    text.split('\n').filter((row) => /@host1>|^-- more/.test(row)),
    [
      ...typed.map((line) => (line === 'q' ? '-- more (44 lines; q ends) -- q' : `tim@host1> ${line}`)),
      'tim@host1>',
    ],
  );
  t.ok(text.endsWith(await kept.read('staged')));
});

await t.test(
  'Ctrl-C while a page is on its way leaves the question behind it, and the console goes on',
  async (t) => {
    const { at } = commands;
    await at.type('ls -r /srv\r', /many\/03/);
    await at.type('\x03', /\^C\r\n\w+@host1> $/);
    at.again();
    await at.type('power\r', PROMPT);
    t.equal(keptText(paperOf(at.printed)), await kept.read('power'));
  },
);
