import {
  type ConsolePath,
  entriesIn,
  GREETED,
  leaveAtWork,
  NUMBER,
  OFFERED,
  oneAtWork,
  PROMPT,
  QUESTION,
  toTheEnd,
} from './console-paths.ts';
import { PASSWORD } from './technicians.ts';

/** The entry of the menu that says this, and the answers to what is asked. */
const entry = (name: string, says: string, ...answers: readonly (string | RegExp)[]): ConsolePath => ({
  name: `menu-${name}`,
  of: says,
  walk: async (at) => {
    const number = entriesIn(await at.type('menu\r', NUMBER)).indexOf(says) + 1;
    if (number === 0) throw new Error(`the menu has no "${says}"`);
    const [last = NUMBER] = answers.filter((answer) => typeof answer !== 'string');
    const typed = [`${number}`, ...answers.filter((answer) => typeof answer === 'string')];
    for (const answer of typed.slice(0, -1)) await at.type(`${answer}\r`, QUESTION);
    await toTheEnd(at, typed.at(-1)!, last);
    if (last === NUMBER) await at.type('0\r', PROMPT);
  },
});

/** The same, and Ctrl-C where it ends so; which also leaves the menu. */
const interrupted = (name: string, ...how: [string, string, RegExp]): ConsolePath => {
  const begun = entry(name, ...how);
  return {
    ...begun,
    walk: async (at, bench) => {
      await begun.walk(at, bench);
      await at.type('\x03', PROMPT);
    },
  };
};

/** Before anybody logs in, while the machine is disabled; uma, whom no keyring knows, logs in and out. */
export const STRANGERS_MENU: readonly ConsolePath[] = [
  entry('status-disabled', 'How does this machine stand?'),
  entry('unlock', 'Release a disabled machine', ''),
  entry('pass', 'Log in by a pass', 'no row of a pass', ''),
  entry('login', 'Log in', 'uma', PASSWORD),
  entry('not-permitted', 'Look into a directory of the host', '/srv'),
  entry('logout', 'Log out', GREETED),
];

/** By tim, on a machine that was released. */
export const TECHNICIANS_MENU: readonly ConsolePath[] = [
  entry('login-technician', 'Log in', 'tim', PASSWORD),
  entry('status', 'How does this machine stand?'),
  entry('power', 'Is the host on, and how is that known?'),
  entry('disks', 'Which disks and volumes are there?'),
  entry('ls', 'Look into a directory of the host', '/srv'),
  entry('find', 'Find files by name', '/srv', 'TWO w*'),
  interrupted('get', 'Fetch a file of the host over this line (ZMODEM, rz)', '/srv/plain.log', OFFERED),
  interrupted('put', 'Put a file on the host over this line (ZMODEM, sz)', '/srv/new', OFFERED),
  entry('memcheck', 'Check the memory modules'),
  entry('io-list', 'List sensors and pins'),
  entry('io-read', 'Read a sensor', 'fan1'),
  entry('sensors', 'What do all sensors say?'),
  entry('board-test', 'Test this board'),
  {
    name: 'menu-tasks',
    of: 'What is the device at work on?',
    walk: async (at, bench) => {
      await leaveAtWork(at, bench);
      at.again();
      await entry('', 'What is the device at work on?').walk(at, bench);
    },
  },
  {
    name: 'menu-cancel',
    of: 'Stop a task',
    walk: async (at, bench) => entry('', 'Stop a task', await oneAtWork(at)).walk(at, bench),
  },
  {
    name: 'menu-host-console',
    of: "Join the host's own console (~. leaves)",
    walk: async (at, bench) => {
      await entry('', "Join the host's own console (~. leaves)", /tells more\]\r\n$/).walk(at, bench);
      await at.type('date\r', /sim-host> $/);
      await at.type('~.', NUMBER);
      await at.type('0\r', PROMPT);
    },
  },
  entry('host-log', 'What did the host say on its console?'),
  entry('network', 'What is wrong with the network?'),
  entry('logs', 'What does the log of this device say?'),
  entry('enrol', "Show this device's key"),
  entry('terminal', 'This terminal obeys control characters'),
  entry('nothing-to-release', 'Release a disabled machine'),
  entry('logout-technician', 'Log out', GREETED),
];
