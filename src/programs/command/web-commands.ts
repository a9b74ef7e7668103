import { NsError } from '../../base/index.ts';
import { parseChannelValue, parseCount } from '../../fleet/index.ts';
import { type ArgsOf, MOST_MATCHES, type Verb } from '../../protocol/index.ts';
import { type BudgetOptions, budgetArgs } from './budget.ts';
import { type ChainOptions, chainArgs, type SyncOptions, syncArgs } from './chain.ts';
import { type ListOptions, listArgs, type StatOptions, statArgs } from './files.ts';
import { type FindOptions, findArgs } from './find.ts';
import { type LockOptions, lockArgs } from './lock.ts';
import { cancelArgs, type MemoryOptions, memoryArgs, type SamplingOptions, samplingArgs } from './machine.ts';
import { type RemoveOptions, removeArgs } from './wipe.ts';

export type Options = Readonly<Record<string, unknown>>;

/** A command that the page has a form for. */
export interface Given {
  /** Where it is below "nightshift". */
  readonly path: readonly string[];
  readonly verb: Verb;
  readonly changes: boolean;
  readonly grave: (o: Options) => boolean;
  readonly args: (words: readonly string[], o: Options) => Promise<object> | object;
  /** The page after this cursor. */
  readonly paged?: true;
}

const looks = (path: string, verb: Verb, args: Given['args'], paged?: true): Given => ({
  path: path.split(' '),
  verb,
  changes: false,
  grave: () => false,
  args,
  ...(paged === undefined ? {} : { paged }),
});

const changes = (path: string, verb: Verb, args: Given['args'], grave: Given['grave']): Given => ({
  path: path.split(' '),
  verb,
  changes: true,
  grave,
  args,
});

const always = (): boolean => true;
const never = (): boolean => false;

/** The orders of the page, each a command as it stands. Their words are read by the command's own options and functions. */
export const GIVEN: readonly Given[] = [
  looks('ls', 'file.list', ([path = ''], o) => listArgs(path, o as unknown as ListOptions), true),
  looks('stat', 'file.stat', ([path = ''], o) => statArgs(path, o as unknown as StatOptions)),
  looks('find', 'file.find', ([path = ''], o) => searchArgs(path, o as unknown as FindOptions), true),
  looks('chain', 'chain.status', (_, o) => chainArgs(o as unknown as ChainOptions)),
  looks('io list', 'io.list', () => ({})),
  looks('io read', 'io.read', ([channel = '']) => ({ channel })),
  looks('io watch', 'io.watch', ([channel = ''], o) =>
    samplingArgs(channel, o as unknown as SamplingOptions),
  ),
  looks('staged', 'staged.list', () => ({})),
  looks('budget show', 'budget.read', () => ({})),
  // What is in memory is lost by the test.
  changes('memcheck', 'memory.check', (_, o) => memoryArgs(o as unknown as MemoryOptions), never),
  changes('cancel', 'task.cancel', ([task = '']) => cancelArgs(task), never),
  changes(
    'io write',
    'io.write',
    ([channel = '', value = '']) => ({ channel, value: parseChannelValue(value) }),
    always,
  ),
  changes(
    'chain sync',
    'chain.sync',
    (_, o) => syncArgs(o as unknown as SyncOptions),
    (o) => o.accept !== undefined || o.resync === true,
  ),
  changes('rm', 'file.delete', ([path = ''], o) => removeArgs(path, o as unknown as RemoveOptions), always),
  changes('sign disable', 'machine.disable', (_, o) => lockArgs(o as unknown as LockOptions), always),
  changes('sign enable', 'machine.enable', (_, o) => lockArgs(o as unknown as LockOptions), always),
  changes('sign budget', 'budget.update', (_, o) => budgetArgs(o as unknown as BudgetOptions), always),
];

/** Of a desk or a terminal, or done by the page itself: it tries dry what it can, and binds the order to the effect. */
export const OPTIONS_LEFT = new Set([
  '--all-but',
  '--approve',
  '--cosign-key',
  '--dry-run',
  '--out',
  '--token-key',
  '--to',
  '--tokens',
  '--wait',
  '--watch',
  '--yes',
]);

/** Commands with hosts that the page has in another shape, or leaves to the command, and why. */
export const COMMANDS_LEFT: Readonly<Record<string, string>> = {
  status: 'the page asks by itself',
  volumes: 'the page asks by itself',
  tasks: 'the page asks by itself',
  audit: 'the page asks by itself',
  sensors: 'the page asks by itself',
  disable: 'two keys at one desk; here two people sign in two places',
  enable: 'two keys at one desk; here two people sign in two places',
  'budget set': 'two keys at one desk; here two people sign in two places',
  'sign rm': 'a part of rm here',
  'sign put': 'takes a file of this computer',
  put: 'takes a file of this computer',
  get: 'writes a file on this computer',
  clock: 'goes by the clock of the computer that it is typed at',
  'keyring publish': 'takes a file of this computer',
  'keyring status': 'of the keyring, with its file',
  'token issue': "the governor's, with a ledger of its own",
  'media offer': 'takes a file of this computer',
  'media show': 'of the command, which offers images',
  'media withdraw': 'of the command, which offers images',
  update: 'takes a file of this computer',
  firmware: 'of the command: an update is followed there',
  'ipmi sweep': 'speaks to BMCs, not to devices',
};

/** NS_USAGE. */
export function unread(why: string): NsError {
  return new NsError('NS_USAGE', why, { family: 'caller' });
}

/** A page names no files of this computer. */
async function searchArgs(path: string, o: FindOptions): Promise<ArgsOf<'file.find'>> {
  if (o.contains?.startsWith('file:') === true) {
    throw unread('the page reads no files of this computer; write text, or hex:0a1b');
  }
  const limit = o.limit === undefined ? MOST_MATCHES : parseCount(o.limit, 'limit', 1, MOST_MATCHES);
  return { ...(await findArgs(path, o)), limit };
}
