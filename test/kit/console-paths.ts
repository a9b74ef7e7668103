import type { ConsoleAgent } from './console-agent.ts';
import { PASSWORD } from './technicians.ts';

/** Whoever sits at the console, with whatever terminal. */
export interface Technician {
  /** Types this, and waits until what was printed since then ends so. Gives what was printed. */
  type(keys: string, until?: RegExp): Promise<string>;
  /** What is kept of the path begins here. */
  again(): void;
}

export interface PathBench {
  readonly agent: ConsoleAgent;
  /** Pulls the cable, and puts it back. */
  readonly hangUp: () => Promise<void>;
}

/** Something that a technician does, and whose screen is kept under its name. */
export interface ConsolePath {
  readonly name: string;
  /** The command as "help" lists it, or the entry of the menu. */
  readonly of: string;
  readonly walk: (at: Technician, bench: PathBench) => Promise<unknown>;
}

export const PROMPT = /host1> $/;
export const QUESTION = /(?:: |\? |host1> )$/;
const MORE = /-- more [^\r]*-- $/;
export const NUMBER = /Number: $/;
/** A program for ZMODEM is waited for. */
export const OFFERED = /(?:leaves|Ctrl-X)\.[^>]*B[0-9a-f]{14}[^>]*$/;
export const GREETED = /Nightshift [^\r]*\r\n\r\nhost1> $/;

/** Lines typed one after the other, each when what came of the one before has been printed. */
const lines =
  (...all: readonly string[]) =>
  async (at: Technician): Promise<void> => {
    for (const line of all) await at.type(`${line}\r`, PROMPT);
  };

/** Types it, and goes on at the end of each page, until the prompt or this comes. */
export async function toTheEnd(at: Technician, line: string, end: RegExp): Promise<void> {
  const until = new RegExp(`(?:${MORE.source}|${end.source})`);
  let said = await at.type(`${line}\r`, until);
  while (MORE.test(said)) said = await at.type('\r', until);
}

const path = (of: string, walk: ConsolePath['walk'], name = of): ConsolePath => ({ name, of, walk });

/** Logs in; where an earlier mistake makes that wait, waits. */
export async function logIn(at: Technician, name: string): Promise<void> {
  for (;;) {
    at.again();
    await at.type(`login ${name}\r`, /password: $/);
    const said = await at.type(`${PASSWORD}\r`, PROMPT);
    if (!said.includes('Too soon')) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Leaves a task at work by losing the line, and looks at it. */
export async function leaveAtWork(at: Technician, { hangUp }: PathBench): Promise<void> {
  await at.type('io watch chassis-intrusion 3600\r', /3600\r\n$/);
  await hangUp();
  await at.type('', GREETED);
  await logIn(at, 'tim');
  at.again();
  await at.type('tasks\r', PROMPT);
}

/** The first digits of a task's id. */
export async function oneAtWork(at: Technician): Promise<string> {
  const [id = 'none'] = /\b[0-9a-f]{8}/.exec(await at.type('tasks\r', PROMPT)) ?? [];
  at.again();
  return id;
}

/** Looks until all tasks have ended. */
async function noneAtWork(at: Technician): Promise<void> {
  do at.again();
  while (!(await at.type('tasks\r', PROMPT)).includes('0 tasks'));
}

async function challengeWords(at: Technician): Promise<readonly string[]> {
  const shown = await at.type('unlock\r', /first person: $/);
  return [...shown.matchAll(/\b[1-9] ([a-z]{3,8})/g)].map(([, word]) => word!);
}

async function helpOfEach(at: Technician): Promise<void> {
  const listed = await at.type('help\r', PROMPT);
  at.again();
  for (const name of commandsIn(listed)) await at.type(`help ${name}\r`, PROMPT);
  await at.type('help nosuch\r', PROMPT);
}

/** Names that "help" lists. */
export const commandsIn = (listed: string): readonly string[] =>
  [...listed.matchAll(/^([a-z]+(?: [a-z]+)?) {1,9}(?=\S)/gm)]
    .map(([, name]) => name!.split(' ')[0]!)
    .filter((name, i, all) => all.indexOf(name) === i);

/** What the menu lists. */
export const entriesIn = (listed: string): readonly string[] =>
  [...listed.matchAll(/^ {1,2}[1-9]\d? {1,2}(\S[^\r]*)/gm)].map(([, says]) => says!);

/** Before anybody logs in, while the machine is disabled. */
export const STRANGERS_COMMANDS: readonly ConsolePath[] = [
  path('help', lines('help', 'nosuch', 'ls /'), 'help-before-login'),
  path('help', lines('?', '? login', 'help exit'), 'help-by-question-mark'),
  path('status', lines('status'), 'status-disabled'),
  path(
    'login',
    async (at) => {
      await at.type('login\r', /name: $/);
      await at.type('tim\r', /password: $/);
      await at.type('correct horse\r', PROMPT);
      await at.type(`login tim ${'x'.repeat(10)}\r`, PROMPT);
      await at.type('login --pass\r', /row 1: $/);
      await at.type('\r', PROMPT);
    },
    'login-wrong',
  ),
  path(
    'unlock',
    async (at, { agent }) => {
      const words = await challengeWords(at);
      await at.type('0000-0000\r', /first person: $/);
      await at.type(`${await agent.codeOf('sam', words)}\r`, /second person: $/);
      await at.type(`${await agent.codeOf('tess', words)}\r`, PROMPT);
    },
    'unlock',
  ),
  path('status', lines('status', 'unlock'), 'status-released'),
  path('enrol', lines('enrol')),
];

/** By tim, who is logged in at the end of the first. */
export const TECHNICIANS_COMMANDS: readonly ConsolePath[] = [
  path('login', (at) => logIn(at, 'tim')),
  path('help', lines('help')),
  path('help', helpOfEach, 'help-of-each'),
  path('status', lines('status')),
  path('power', lines('power')),
  path('disks', lines('disks')),
  path('ls', lines('ls /srv', 'ls -l disk0:/', 'ls', "ls '/srv", 'ls -z /', 'ls /nowhere', 'ls /etc/hosts')),
  path(
    'ls',
    async (at) => {
      await at.type('ls -r /srv\r', MORE);
      await at.type('\r', MORE);
      await at.type('q\r', PROMPT);
    },
    'ls-paged',
  ),
  path(
    'stat',
    lines(
      'stat /srv/plain.log',
      'stat /srv/two\\ words',
      'stat "/srv/odd\\u{1b}[2J\\u{1b}]0;x\\u{7}\\u{8}\\u{e9}\\u{202e}"',
    ),
  ),
  path('find', lines('find / -iname *LOG*', 'find /var -size +10k', 'find /var -size many')),
  path('rm', async (at) => {
    await at.type('rm /var/log/syslog.1\r', /for good: $/);
    await at.type('host2\r', PROMPT);
    await at.type('rm /var/log/syslog.1\r', /for good: $/);
    await at.type('host1\r', PROMPT);
    await at.type('rm /boot/vmlinuz\r', PROMPT);
    await at.type('rm -r /srv/many\r', MORE);
    await at.type('\r', PROMPT);
  }),
  path('get', async (at) => {
    await lines('get', 'get /nowhere', 'get /srv', 'get -r /srv')(at);
    await at.type('get /srv/plain.log\r', OFFERED);
    await at.type('\x03', PROMPT);
  }),
  path('put', async (at) => {
    await lines('put', 'put /boot/vmlinuz', 'put /srv/plain.log', 'put --mode rw /srv/new')(at);
    await at.type('put /srv/new\r', OFFERED);
    await at.type('\x03', PROMPT);
  }),
  path(
    'memcheck',
    lines('memcheck dram', 'memcheck spd', 'memcheck storage disk0', 'memcheck storage', 'memcheck'),
  ),
  path('io', async (at) => {
    await lines('io list', 'io read fan1', 'io watch chassis-intrusion 1', 'io read nosuch')(at);
    await at.type('io write identify-led 1\r', /identify-led: $/);
    await at.type('host1\r', PROMPT);
    await at.type('io write identify-led 0\r', /identify-led: $/);
    await at.type('\r', PROMPT);
    await at.type('io watch chassis-intrusion 600\r\x03', PROMPT);
  }),
  path('sensors', lines('sensors')),
  path('board', async (at) => {
    await toTheEnd(at, 'board test', PROMPT);
    await toTheEnd(at, 'board test --drive', PROMPT);
    await lines('board', 'board tset')(at);
  }),
  path('chain', lines('chain')),
  path('tasks', leaveAtWork),
  path('cancel', async (at) => {
    await at.type(`cancel ${await oneAtWork(at)}\r`, PROMPT);
    await at.type('cancel 1234\r', PROMPT);
  }),
  path('tasks', noneAtWork, 'tasks-none'),
  path('logs', lines('logs 2', 'logs none')),
  path('network', (at) => toTheEnd(at, 'network', PROMPT)),
  path('host', async (at) => {
    await at.type('host console\r', /tells more\]\r\n$/);
    await at.type('date\r', /sim-host> $/);
    await at.type('~?', /writes\]\r\n$/);
    await at.type('~.', PROMPT);
    await at.type('host log\r', /date\r\n[^>]*> \r\n\w+@host1> $/);
    await lines('host log none', 'host')(at);
  }),
  path('staged', lines('staged')),
  path('audit', lines('audit')),
  path('terminal', lines('terminal', 'terminal width 60', 'help ls', 'terminal width 80', 'terminal blue')),
  path(
    'help',
    async (at) => {
      await at.type('statsu\x7f\x7fus\r', PROMPT);
      await at.type('XYpower\x1b[H\x1b[3~\x1b[3~\r', PROMPT);
      await at.type('\x1b[A\x15\x1b[A\x1b[A\x17tasks\r', PROMPT);
      await at.type('st\t\t', /\r\n\w+@host1> sta$/);
      await at.type('\x03', PROMPT);
      await at.type('stag\t\r', PROMPT);
    },
    'line-editing',
  ),
  path('menu', async (at) => {
    await at.type('menu\r', NUMBER);
    await at.type('99\r', NUMBER);
    await at.type('status\r', NUMBER);
    await at.type('0\r', PROMPT);
  }),
  path('logout', (at) => at.type('logout\r', GREETED)),
  path('exit', async (at) => {
    await logIn(at, 'uma');
    await at.type('ls /\r', PROMPT);
    await at.type('exit\r', GREETED);
  }),
];
