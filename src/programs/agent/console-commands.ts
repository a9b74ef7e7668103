import { hasCode, sentenceOf, toHex } from '../../base/index.ts';
import { type ConsoleCommand, paged, readWords, type Talk } from '../../console/index.ts';
import {
  bothSizes,
  parseChannelValue,
  parseCount,
  parseKind,
  parseMoment,
  parsePlace,
  parseSize,
} from '../../fleet/index.ts';
import { needsTwoPeople, type TechnicianSession } from '../../security/index.ts';
import {
  type ConsoleAboutParts,
  LOGS_COMMAND,
  NETWORK_COMMAND,
  showLogs,
  showNetwork,
} from './console-about.ts';
import { BOARD_COMMAND, type ConsoleBoardParts, testBoard } from './console-board.ts';
import { flags, type Hands, onlyOne, optionsIn, pages, showEnd, sure, usage } from './console-hands.ts';
import { type ConsoleHostParts, HOST_COMMAND, hostCommand } from './console-host.ts';
import { type ConsoleOrdersParts, giveOrder } from './console-orders.ts';
import { type ConsoleFileParts, GET_COMMAND, PUT_COMMAND } from './console-transfer.ts';

/** All that commands work with. */
type CommandParts = ConsoleHostParts & ConsoleAboutParts & ConsoleFileParts & ConsoleBoardParts;

interface OrderCommand extends Pick<ConsoleCommand, 'name' | 'says' | 'usage' | 'details' | 'complete'> {
  readonly do: (
    hands: Hands,
    words: readonly string[],
    parts: CommandParts,
    session: TechnicianSession,
  ) => Promise<unknown>;
}

const WHERE = 'PATH is /DIR/FILE, or VOLUME:/DIR/FILE as "disks" names volumes; * ? and [ ] are patterns.';
const ODD =
  'Names with blanks stand in quotes; letters that no keyboard here has are typed as they are shown: \\u{e9}.';
const STALE = '-stale: also where the host may hold newer contents in its memory or a hibernation image.';

async function list({ talk, show }: Hands, words: readonly string[]): Promise<void> {
  const { given, rest } = optionsIn(words, { '-l': 'alone', '-r': 'alone', '-stale': 'alone' });
  const has = (name: string): boolean => given.some(([each]) => each === name);
  const args = {
    ...parsePlace(onlyOne(rest, 'PATH')),
    ...flags(has('-r'), 'recursive'),
    ...flags(has('-stale'), 'staleOk'),
  };
  await pages(talk, async (page) => {
    const end = await show('file.list', { ...args, ...page }, { long: has('-l') });
    return end.is === 'receipt' ? end.result?.next : undefined;
  });
}

async function disks({ talk, show }: Hands, words: readonly string[]): Promise<void> {
  const { given, rest } = optionsIn(words, { '-l': 'alone' });
  if (rest.length > 0) throw usage('disks takes no name; see "help"');
  await pages(talk, async (page) => {
    const end = await show('volume.list', page, { narrow: true, long: given.length > 0 });
    return end.is === 'receipt' ? end.result?.next : undefined;
  });
}

async function find({ now, show }: Hands, words: readonly string[]): Promise<void> {
  const { given, rest } = optionsIn(words, {
    '-name': 'with',
    '-iname': 'with',
    '-type': 'with',
    '-size': 'with',
    '-newer': 'with',
    '-older': 'with',
    '-stale': 'alone',
  });
  const all = (name: string): readonly string[] =>
    given.flatMap(([each, value]) => (each === name ? [value] : []));
  const last = (name: string): string | undefined => all(name).at(-1);
  const [name, iname, kind, newer, older] = ['-name', '-iname', '-type', '-newer', '-older'].map(last);
  const sizes = all('-size').map(parseSize);
  await show('file.find', {
    ...parsePlace(onlyOne(rest, 'PATH')),
    ...(name === undefined ? {} : { name }),
    ...(iname === undefined ? {} : { iname }),
    ...(kind === undefined ? {} : { kind: parseKind(kind) }),
    ...(sizes.length === 0 ? {} : { size: sizes.reduce(bothSizes) }),
    ...(newer === undefined ? {} : { newer: parseMoment(newer, now) }),
    ...(older === undefined ? {} : { older: parseMoment(older, now) }),
    ...flags(all('-stale').length > 0, 'staleOk'),
  });
}

/** Shows first what would go, and then does exactly that, or nothing. */
async function remove({ talk, device, give, show }: Hands, words: readonly string[]): Promise<void> {
  const { given, rest } = optionsIn(words, { '-r': 'alone' });
  const args = { ...parsePlace(onlyOne(rest, 'PATH')), ...flags(given.length > 0, 'recursive') };
  const tried = await show('file.delete', { ...args, dryRun: true });
  const effect =
    tried.is === 'receipt' && tried.receipt.outcome === 'succeeded' ? tried.result?.effect : undefined;
  if (effect === undefined) return;
  // What one person cannot order is refused without a question.
  const alone = !needsTwoPeople({ verb: 'file.delete', args });
  if (alone && !(await sure(talk, device, 'to remove this for good'))) return;
  const end = await give('file.delete', args, { effect: effect.hash });
  await showEnd(talk, 'file.delete', end);
}

async function check({ show }: Hands, [medium = '', disk, ...more]: readonly string[]): Promise<void> {
  if (medium !== 'dram' && medium !== 'spd' && medium !== 'storage')
    throw usage('say what to check: memcheck dram, memcheck spd, or memcheck storage DISK');
  if (more.length > 0 || (disk !== undefined && medium !== 'storage')) throw usage('one thing at a time');
  await show('memory.check', { medium, ...(disk === undefined ? {} : { disk }) });
}

async function inputOutput(
  { talk, device, show }: Hands,
  [what, ...words]: readonly string[],
): Promise<void> {
  const [channel, value] = words;
  if (what === 'list' && words.length === 0) await show('io.list', {});
  else if (what === 'read') await show('io.read', { channel: onlyOne(words, 'CHANNEL') });
  else if (what === 'watch' && channel !== undefined && words.length <= 2) {
    const length = value === undefined ? 10 : parseCount(value, 'number of seconds', 1, 3600);
    await show('io.watch', { channel, seconds: length });
  } else if (what === 'write' && channel !== undefined && value !== undefined && words.length === 2) {
    const args = { channel, value: parseChannelValue(value) };
    if (await sure(talk, device, `to write to ${channel}`)) await show('io.write', args);
  } else throw usage('io list, io read CHANNEL, io watch CHANNEL [SECONDS], or io write CHANNEL VALUE');
}

async function cancel({ talk, give, show }: Hands, words: readonly string[]): Promise<void> {
  const start = onlyOne(words, 'ID').toLowerCase();
  if (!/^[0-9a-f]{4,32}$/.test(start))
    throw usage('write the first digits of an id as "tasks" shows it, 4 at least');
  const end = await give('task.list', {});
  if (end.is === 'refused' || end.result === undefined) return showEnd(talk, 'task.list', end);
  const found = end.result.tasks.filter(({ id }) => toHex(id).startsWith(start));
  const [only, ...others] = found;
  if (only === undefined) talk.say(`No task under way has an id that begins with ${start}.`);
  else if (others.length > 0)
    talk.say(`${found.length} tasks have an id that begins with ${start}: write more of it.`);
  else await show('task.cancel', { task: only.id });
}

async function power({ talk, give }: Hands): Promise<void> {
  const end = await give('machine.status', {});
  if (end.is === 'refused' || end.result === undefined) return showEnd(talk, 'machine.status', end);
  const { state, certain, sources } = end.result.power;
  talk.print(`host: ${state}${certain ? '' : ' (not certain)'}`);
  for (const [name, says] of Object.entries(sources)) await paged(talk, [`  ${name}: ${says}`]);
  talk.say('Nothing that is ordered here switches the host on.');
}

const COMMANDS: readonly OrderCommand[] = [
  { name: 'power', says: 'whether the host is on, and how that is known', do: power },
  {
    name: 'disks',
    says: 'disks and volumes: what is on them, may they be read and written',
    usage: 'disks [-l]',
    details: ['-l: with UUIDs, and with names that are too long for the table.'],
    do: disks,
  },
  {
    name: 'ls',
    says: 'what is in a directory of the host',
    usage: 'ls [-l] [-r] [-stale] PATH',
    details: [WHERE, ODD, '-l: with modes, sizes and times. -r: and all below.', STALE],
    do: list,
  },
  {
    name: 'stat',
    says: 'all about one file',
    usage: 'stat PATH',
    details: [WHERE, ODD],
    do: ({ show }, words) => show('file.stat', parsePlace(onlyOne(words, 'PATH'))),
  },
  {
    name: 'find',
    says: 'files below a directory by name, size or time',
    usage: 'find PATH [-name PATTERN] [-iname PATTERN] [-type f|d|l] [-size +10M] [-newer 2h] [-older 30d]',
    details: [WHERE, ODD, STALE],
    do: find,
  },
  {
    ...GET_COMMAND,
    do: (hands, words, parts, session) => parts.transfers.get(parts, session, hands, words),
  },
  {
    ...PUT_COMMAND,
    do: (hands, words, parts, session) => parts.transfers.put(parts, session, hands, words),
  },
  {
    name: 'rm',
    says: 'remove files of the host',
    usage: 'rm [-r] PATH',
    details: [
      'Shows first what would be removed, and asks for the name of this device.',
      'What takes two people or a token is refused here, and the refusal says whom to ask.',
      WHERE,
      ODD,
    ],
    do: remove,
  },
  {
    name: 'memcheck',
    says: 'check memory modules or the surface of a disk',
    usage: 'memcheck dram | spd | storage [DISK]',
    details: ['Says how much of all there is was covered. Ctrl-C stops it and tells what it came to.'],
    do: check,
  },
  {
    name: 'io',
    says: 'sensors, pins and other channels of the board',
    usage: 'io list | read CHANNEL | watch CHANNEL [SECONDS] | write CHANNEL VALUE',
    details: ['VALUE is a whole number, hex:0a1b or text:hello. Writing asks for the name of this device.'],
    do: inputOutput,
  },
  {
    name: 'sensors',
    says: 'all that the board measures, and whether it is well',
    do: ({ show }) => show('sensor.read', {}),
  },
  { ...BOARD_COMMAND, do: (hands, words, parts, session) => testBoard(parts, session, hands, words) },
  { ...LOGS_COMMAND, do: (hands, words, parts, session) => showLogs(parts, session, hands, words) },
  { ...NETWORK_COMMAND, do: (hands, _, parts, session) => showNetwork(parts, session, hands) },
  { ...HOST_COMMAND, do: (hands, words, parts, session) => hostCommand(parts, session, hands, words) },
  { name: 'chain', says: 'the daisy chain of disk controllers', do: ({ show }) => show('chain.status', {}) },
  { name: 'tasks', says: 'what this device is at work on', do: ({ show }) => show('task.list', {}) },
  {
    name: 'cancel',
    says: 'ask a task to stop',
    usage: 'cancel ID',
    details: ['ID is the first digits of what "tasks" shows, 4 at least.'],
    do: cancel,
  },
  {
    name: 'staged',
    says: 'orders that wait for a better moment',
    do: ({ show }) => show('staged.list', {}),
  },
  {
    name: 'audit',
    says: 'the audit log, for those who may read it',
    usage: 'audit [FROM]',
    do: ({ show }, [from]) =>
      show('audit.read', {
        limit: 64,
        ...(from === undefined ? {} : { from: parseCount(from, 'number', 0, Number.MAX_SAFE_INTEGER) }),
      }),
  },
];

/** What whoever is logged in may type; the keyring says what comes of it. */
export function orderCommands(parts: CommandParts, session: TechnicianSession): readonly ConsoleCommand[] {
  const { clock, identity } = parts;
  const handsOf = (talk: Talk): Hands => {
    const give: Hands['give'] = (verb, args, options) => giveOrder(parts, session, talk, verb, args, options);
    return {
      talk,
      device: identity.device,
      now: clock.wallSeconds(),
      give,
      show: async (verb, args, options) => {
        const end = await give(verb, args);
        await showEnd(talk, verb, end, options);
        return end;
      },
    };
  };
  return COMMANDS.map(({ do: run, ...command }) => ({
    ...command,
    run: async (talk, _, rest) => {
      const words = readWords(rest);
      if ('wrong' in words) return talk.say(words.wrong);
      try {
        await run(handsOf(talk), words, parts, session);
      } catch (error) {
        if (!hasCode(error, 'NS_USAGE')) throw error;
        talk.say(`${sentenceOf(error)}.`);
      }
    },
  }));
}

/** "status" of whoever is logged in: what anybody sees, and then the whole. */
export function fullStatus(
  brief: ConsoleCommand,
  parts: ConsoleOrdersParts,
  session: TechnicianSession,
): ConsoleCommand {
  return {
    ...brief,
    run: async (talk, words, rest) => {
      await brief.run(talk, words, rest);
      await showEnd(talk, 'machine.status', await giveOrder(parts, session, talk, 'machine.status', {}));
    },
  };
}
