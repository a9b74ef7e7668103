import type { ArgsOf, Order, Verb } from '../protocol/index.ts';
import { privilegesOf } from './destruction.ts';

/** Control characters that JSON lets through, and those that turn the direction of text. */
const ODD = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

/** Quoted, so that a name with odd characters cannot pass for another line or move a cursor. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(ODD, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function place(args: { readonly volume?: string | undefined; readonly path: string }): string {
  return quoted(args.volume === undefined ? args.path : `${args.volume}:${args.path}`);
}

/** By what it is searched, and not for what: that may be a secret itself. */
function search(args: ArgsOf<'file.find'>): string {
  const { name, iname, kind, size, newer, older, sha256, contains } = args;
  const by = Object.entries({ name, iname, kind, size, newer, older, sha256 }).flatMap(([what, value]) =>
    value === undefined ? [] : [what],
  );
  if (contains !== undefined) by.push(`${contains.byteLength} bytes in it`);
  return by.length === 0 ? place(args) : `${place(args)} by ${by.join(', ')}`;
}

function because(args: {
  readonly reason?: string | undefined;
  readonly dryRun?: boolean | undefined;
}): string {
  return `${args.dryRun === true ? '(dry run) ' : ''}${args.reason === undefined ? '' : quoted(args.reason)}`.trim();
}

function staged({ stage }: { readonly stage?: object | undefined }): string {
  return stage === undefined ? '' : ' (staged)';
}

function rights(args: ArgsOf<'file.download'>): string {
  const given = privilegesOf({ args });
  return given.length === 0 ? '' : ` with ${given.map(quoted).join(', ')}`;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function actionOf({ action }: ArgsOf<'chain.sync'>): string {
  if (action === undefined) return '';
  return action.do === 'accept' ? `accept ${hex(action.question)}` : action.do;
}

/**
 * What the audit log may say of each verb's arguments. Nothing is said that does not stand here: values written to
 * channels, above all, may be passwords.
 */
const SAYS: { readonly [V in Verb]: (args: ArgsOf<V>) => string } = {
  'file.list': place,
  'file.find': search,
  'file.stat': place,
  'file.upload': (args) => `${place(args)}${args.tree === true ? ' and all in it' : ''}`,
  'file.download': (args) =>
    `${place(args)}${args.tree === true ? ' a tree,' : ''} sha256 ${hex(args.sha256)}${rights(args)}${args.dryRun === true ? ' (dry run)' : ''}${staged(args)}`,
  'file.delete': (args) =>
    `${place(args)}${args.recursive === true ? ' recursive' : ''}${args.dryRun === true ? ' (dry run)' : ''}${staged(args)}`,
  'volume.list': () => '',
  'volume.upload': (args) => `${quoted(args.volume)}${args.usedOnly === true ? ' without free space' : ''}`,
  'memory.check': (args) => args.medium,
  'io.list': () => '',
  'io.read': (args) => quoted(args.channel),
  'io.write': (args) => `${quoted(args.channel)}${args.dryRun === true ? ' (dry run)' : ''}`,
  'io.watch': (args) => quoted(args.channel),
  'sensor.read': () => '',
  'machine.status': () => '',
  'machine.disable': because,
  'machine.enable': because,
  'clock.set': ({ at, farAhead }) => `to ${at}${farAhead === true ? ' (far ahead)' : ''}`,
  'chain.status': ({ disk }) => (disk === undefined ? '' : quoted(disk)),
  'chain.sync': (args) =>
    `${args.disk === undefined ? '' : `${quoted(args.disk)} `}${actionOf(args)} ${because(args)}`.trim(),
  'task.list': () => '',
  'task.cancel': (args) => hex(args.task),
  'staged.list': () => '',
  'keyring.read': () => '',
  'keyring.update': (args) =>
    `of ${args.document.byteLength} bytes${args.dryRun === true ? ' (dry run)' : ''}`,
  'budget.read': () => '',
  'budget.update': (args) =>
    `version ${args.version}: lock ${args.lock}, wipe ${args.wipe}${args.dryRun === true ? ' (dry run)' : ''}`,
  'audit.read': (args) => `from ${args.from ?? 0}`,
  'media.offer': (args) =>
    `of ${args.size} bytes, sha256 ${hex(args.sha256)}${args.dryRun === true ? ' (dry run)' : ''}`,
  'media.withdraw': ({ dryRun }) => (dryRun === true ? '(dry run)' : ''),
  'agent.firmware': () => '',
  'agent.update': (args) =>
    `of ${args.size} bytes, sha256 ${hex(args.sha256)}${args.dryRun === true ? ' (dry run)' : ''}`,
};

/** An order in one line of the audit log: its verb, and of its arguments only what is never secret. */
export function auditDetail(order: Order): string {
  // The pairing of verb and arguments is Order's own; a union cannot be called through it.
  const says = SAYS[order.verb] as (args: unknown) => string;
  return `${order.verb} ${says(order.args)}`.trim();
}
