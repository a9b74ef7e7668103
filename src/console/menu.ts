import { asNsError } from '../base/index.ts';
import { type ConsoleCommand, LeftConsole, type Talk } from './session.ts';

/** A line of the menu: which command it is, and what is asked for it. */
interface Entry {
  readonly says: string;
  readonly command: string;
  readonly before?: string;
  readonly ask?: readonly { readonly question: string; readonly after?: string }[];
}

const ENTRIES: readonly Entry[] = [
  { says: 'How does this machine stand?', command: 'status' },
  { says: 'Is the host on, and how is that known?', command: 'power' },
  { says: 'Which disks and volumes are there?', command: 'disks' },
  {
    says: 'Look into a directory of the host',
    command: 'ls',
    before: '-l',
    ask: [{ question: 'Which directory, such as /var/log? ' }],
  },
  {
    says: 'Find files by name',
    command: 'find',
    ask: [
      { question: 'Below which directory? ' },
      { question: 'Which name? * stands for anything: ', after: '-iname' },
    ],
  },
  {
    says: 'Fetch a file of the host over this line (ZMODEM, rz)',
    command: 'get',
    ask: [{ question: 'Which file, such as /var/log/syslog? ' }],
  },
  {
    says: 'Put a file on the host over this line (ZMODEM, sz)',
    command: 'put',
    ask: [{ question: 'Under which name, such as /srv/new.conf? ' }],
  },
  { says: 'Check the memory modules', command: 'memcheck', before: 'spd' },
  { says: 'List sensors and pins', command: 'io', before: 'list' },
  {
    says: 'Read a sensor',
    command: 'io',
    before: 'read',
    ask: [{ question: 'Which one, as the list names it? ' }],
  },
  { says: 'What do all sensors say?', command: 'sensors' },
  { says: 'Test this board', command: 'board', before: 'test' },
  { says: 'What is the device at work on?', command: 'tasks' },
  { says: 'Stop a task', command: 'cancel', ask: [{ question: 'Which one? The first 4 digits will do: ' }] },
  { says: "Join the host's own console (~. leaves)", command: 'host', before: 'console' },
  { says: 'What did the host say on its console?', command: 'host', before: 'log' },
  { says: 'What is wrong with the network?', command: 'network' },
  { says: 'What does the log of this device say?', command: 'logs' },
  { says: "Show this device's key", command: 'enrol' },
  { says: 'This terminal obeys control characters', command: 'terminal', before: 'vt100' },
  { says: 'Release a disabled machine', command: 'unlock' },
  { says: 'Log in', command: 'login' },
  { says: 'Log in by a pass', command: 'login', before: '--pass' },
  { says: 'Log out', command: 'logout' },
];

/** For who comes once a year: numbers instead of commands. Each shows the command that it is, to be typed next time. */
export function menuCommand(commands: () => readonly ConsoleCommand[]): ConsoleCommand {
  return {
    name: 'menu',
    says: 'the most of this by numbers',
    run: async (talk) => {
      for (;;) {
        const known = commands();
        const entries = ENTRIES.flatMap((entry) => {
          const command = known.find(({ name }) => name === entry.command);
          return command === undefined ? [] : [{ ...entry, command }];
        });
        talk.print();
        for (const [i, { says }] of entries.entries()) talk.print(`${String(i + 1).padStart(3)}  ${says}`);
        talk.print('  0  Leave the menu');
        const typed = (await talk.ask('Number: ')).trim();
        if (typed === '0' || typed === '') return;
        const entry = /^\d{1,2}$/.test(typed) ? entries[Number(typed) - 1] : undefined;
        if (entry === undefined) talk.say(`There is no number "${typed}" here.`);
        else if (!(await choose(talk, entry))) return;
      }
    },
  };
}

/** False where somebody has interrupted it: whatever is asked next would be interrupted too. */
async function choose(
  talk: Talk,
  { command, before, ask = [] }: Omit<Entry, 'command'> & { readonly command: ConsoleCommand },
): Promise<boolean> {
  const words = before === undefined ? [] : [before];
  for (const { question, after } of ask) {
    const answer = (await talk.ask(question)).trim();
    if (answer === '') return true;
    if (after !== undefined) words.push(after);
    words.push(/^[\w./:*?-]+$/.test(answer) ? answer : `"${answer.replaceAll('"', '\\"')}"`);
  }
  const rest = words.join(' ');
  talk.print(`> ${command.name}${rest === '' ? '' : ` ${rest}`}`);
  try {
    await command.run(talk, words, rest);
  } catch (error) {
    if (error instanceof LeftConsole) throw error;
    talk.say(`That failed: ${asNsError(error).message}`);
  }
  return !talk.signal.aborted;
}
