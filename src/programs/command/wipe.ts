import type { Command } from 'commander';
import { NsError } from '../../base/index.ts';
import {
  baseName,
  foldHosts,
  parseBytes,
  parseMode,
  parseOwner,
  parsePlace,
  parseTime,
  stageArgs,
  stagedTotal,
  wordsOf,
} from '../../fleet/index.ts';
import type { ArgsOf, Order } from '../../protocol/index.ts';
import { needsTwoPeople } from '../../security/index.ts';
import type { Context, Signing } from './context.ts';
import { confirmed } from './lock.ts';
import { type PreserveOptions, preservedArgs, withPreserveOptions } from './preserve.ts';
import {
  sayBudget,
  type TokenOptions,
  type TokensInHand,
  tokensFor,
  withTokenOptions,
} from './tokens-in-hand.ts';

const EFFECT_BYTES = 32;

export interface WriteOptions {
  readonly dryRun?: true;
  readonly replay?: true;
  readonly approve?: string;
  readonly stage?: true;
  readonly until?: string;
  readonly wait?: true;
}

export interface PutOptions extends WriteOptions, PreserveOptions {
  readonly mode?: string;
  readonly owner?: string;
  readonly mtime: string;
  readonly replace?: true;
  readonly parents?: true;
}

export interface RemoveOptions extends WriteOptions {
  readonly recursive?: true;
  readonly literal?: true;
}

export const flag = <K extends string>(key: K, on: boolean | undefined): { readonly [P in K]?: true } =>
  (on === true ? { [key]: true } : {}) as { readonly [P in K]?: true };

export const effectOf = (options: WriteOptions): { readonly effect?: Uint8Array } =>
  options.approve === undefined ? {} : { effect: parseBytes(options.approve, 'effect hash', EFFECT_BYTES) };

const STAGE = 'if it may not be done now, have the device keep the order, and do it at the first safe moment';
const UNTIL = 'how long it may wait, in running time of the device: 12h, 3d; 7d by default, 31d at most';
/** For who gives a staged order. */
export const WAIT = 'stay until a staged order has ended, for as long as that takes';

/** How the end of an order is waited for that may be staged. */
export function waitingFor(
  context: Context,
  args: Parameters<typeof stagedTotal>[0],
  wait: boolean | undefined,
): { readonly untilEnded: boolean; readonly timing: Context['timing'] } {
  const total = wait === true ? stagedTotal(args) : undefined;
  return {
    untilEnded: wait === true,
    timing: { ...(total === undefined ? {} : { total }), ...context.timing },
  };
}

export function withRemoveOptions(command: Command): Command {
  return command
    .option('-r, --recursive', 'also directories and all in them: needs two people and a token')
    .option('--literal', 'take *, ? and [ as plain letters')
    .option('--replay', 'replay a dirty journal first')
    .option('--approve <hash>', 'delete only if the effect is this one')
    .option('--stage', STAGE)
    .option('--until <time>', UNTIL);
}

export function removeArgs(path: string, o: RemoveOptions): ArgsOf<'file.delete'> {
  return {
    ...parsePlace(path),
    ...flag('recursive', o.recursive),
    ...flag('literal', o.literal),
    ...flag('replay', o.replay),
    ...flag('dryRun', o.dryRun),
    ...stageArgs(o),
  };
}

export function withPutOptions(command: Command): Command {
  return withPreserveOptions(command)
    .option('--mode <octal>', 'permissions, such as 0644')
    .option('--owner <uid:gid>', 'owner and group, as numbers')
    .option('--mtime <time>', '"keep" (the local file\'s), "now", seconds since 1970, or an ISO date', 'keep')
    .option('--replace', 'replace a file of that name')
    .option('--parents', 'make missing directories')
    .option('--replay', 'replay a dirty journal first')
    .option('--approve <hash>', 'write only if the effect is this one')
    .option('--stage', STAGE)
    .option('--until <time>', UNTIL);
}

export async function putArgs(
  local: string,
  path: string,
  o: PutOptions,
  mtime: number,
): Promise<Omit<ArgsOf<'file.download'>, 'size' | 'sha256'>> {
  const { mtimeNanoseconds, ...preserved } = await preservedArgs(local, o);
  return {
    ...preserved,
    ...(o.mtime === 'keep' && mtimeNanoseconds !== undefined ? { mtimeNanoseconds } : {}),
    ...parsePlace(path.endsWith('/') ? path + (baseName(local) ?? '') : path),
    ...(o.mode === undefined ? {} : { mode: parseMode(o.mode) }),
    ...(o.owner === undefined ? {} : parseOwner(o.owner)),
    // A time of its own makes the effect of a dry run the effect of the real one.
    ...(o.mtime === 'now' ? {} : { mtime: parseTime(o.mtime, mtime) }),
    ...flag('replace', o.replace),
    ...flag('parents', o.parents),
    ...flag('replay', o.replay),
    ...flag('dryRun', o.dryRun),
    ...stageArgs(o),
  };
}

export interface DeskOptions extends TokenOptions {
  readonly cosignKey?: string;
  readonly yes?: true;
}

export function withDeskOptions(command: Command): Command {
  return withTokenOptions(command)
    .option('--cosign-key <file>', 'private key of the second person, for what needs two')
    .option('-y, --yes', 'do not ask');
}

/**
 * What an order that may destroy something needs at the desk: a second key, tokens, and a yes. Nothing for any other.
 * NS_USAGE where the second person is missing, NS_NEEDS_TOKEN.
 */
export async function deskOf(
  context: Context,
  command: string,
  order: Pick<Order, 'verb' | 'args'>,
  hosts: readonly string[],
  o: DeskOptions,
): Promise<{ readonly signing: Signing; readonly tokens?: TokensInHand }> {
  if (needsTwoPeople(order) && o.cosignKey === undefined) {
    throw new NsError(
      'NS_USAGE',
      `${wordsOf(order)}: that needs two people, so nothing was sent. With both at this desk: --cosign-key FILE. ` +
        `In two places: "nightshift sign ${command} --tokens FILE -o FILE"; the second person: "nightshift cosign FILE"; ` +
        'then either: "nightshift send FILE".',
      { family: 'caller' },
    );
  }
  const tokens = await tokensFor(context, order, hosts, o);
  if (tokens === undefined) return { signing: {} };
  await sayBudget(context, tokens, hosts, o.yes === true);
  const where = hosts.length === 1 ? 'one host' : `${hosts.length} hosts`;
  await confirmed(context, `${wordsOf(order)} on ${where}: ${foldHosts(hosts)}?`, o.yes === true);
  return {
    tokens,
    signing: {
      tokens: tokens.give,
      ...(o.cosignKey === undefined ? {} : { cosignKey: o.cosignKey }),
    },
  };
}
