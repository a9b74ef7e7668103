import type { Command } from 'commander';
import { NsError } from '../../base/index.ts';
import { EXIT, type ExitCode, foldHosts } from '../../fleet/index.ts';
import type { ArgsOf, Order } from '../../protocol/index.ts';
import type { Context } from './context.ts';
import type { Run } from './files.ts';
import { runOnHosts, simpleOrder } from './run.ts';
import { sayBudget, type TokenOptions, tokensFor, withTokenOptions } from './tokens-in-hand.ts';

const HOSTS = 'host, range, list or @group';

export interface LockOptions {
  readonly reason?: string;
  readonly dryRun?: true;
}

export type LockVerb = 'machine.disable' | 'machine.enable';

/** What both orders take, given at the desk or written to a file. */
export function withLockOptions(command: Command): Command {
  return command
    .option('--reason <text>', 'kept in the lock record and the audit log, and shown by status')
    .option('--dry-run', 'say what would change, and change nothing');
}

export function lockArgs({ reason, dryRun }: LockOptions): ArgsOf<LockVerb> {
  return { ...(reason === undefined ? {} : { reason }), ...(dryRun ? { dryRun: true } : {}) };
}

/** Asks before something that is not to happen by a slip. */
export async function confirmed(context: Context, question: string, yes: boolean): Promise<void> {
  if (yes) return;
  if (!context.terminal.interactive) {
    throw new NsError('NS_USAGE', `${question} Say --yes where nobody can answer.`, { family: 'caller' });
  }
  if (!(await context.terminal.confirm(question))) {
    throw new NsError('NS_INTERRUPTED', 'nothing was done', { family: 'caller' });
  }
}

function alone(name: string, hosts: string): NsError {
  return new NsError(
    'NS_USAGE',
    `${name} needs two people, so nothing was sent. With both at this desk: --cosign-key FILE. ` +
      `In two places: "nightshift sign ${name} ${hosts} -o FILE"; the second person: "nightshift cosign FILE"; ` +
      'then either: "nightshift send FILE".',
    { family: 'caller' },
  );
}

interface DeskOptions extends LockOptions, TokenOptions {
  readonly cosignKey?: string;
  readonly yes?: true;
}

async function atTheDesk(context: Context, verb: LockVerb, hosts: string, o: DeskOptions): Promise<ExitCode> {
  const name = verb === 'machine.disable' ? 'disable' : 'enable';
  if (o.cosignKey === undefined) throw alone(name, hosts);
  const names = await context.hosts(hosts);
  if (names.length === 0) return EXIT.done;
  const args = lockArgs(o);
  const tokens = await tokensFor(context, { verb, args } as Pick<Order, 'verb' | 'args'>, names, o);
  if (tokens !== undefined) await sayBudget(context, tokens, names, o.yes === true);
  const what = `${name === 'disable' ? 'Disable' : 'Enable'} ${names.length === 1 ? 'the machine' : `${names.length} machines:`} ${foldHosts(names)}?`;
  await confirmed(context, what, name === 'enable' || o.yes === true || o.dryRun === true);
  return runOnHosts(context, names, simpleOrder(context, verb, args, { tokens }), {
    cosignKey: o.cosignKey,
    ...(tokens === undefined ? {} : { tokens: tokens.give }),
  });
}

/** disable, enable: two people at one desk. */
export function addLockCommands(program: Command, run: Run): void {
  const add = (name: string, verb: LockVerb, description: string): Command =>
    withLockOptions(program.command(name).description(description).argument('<hosts>', HOSTS))
      .option('--cosign-key <file>', 'private key of the second person; the first is --key')
      .action((hosts: string, o: DeskOptions) => run((context) => atTheDesk(context, verb, hosts, o)));
  withTokenOptions(
    add(
      'disable',
      'machine.disable',
      'disable a machine: its power button is masked and its drive held until it is enabled; needs two people and a token',
    ),
  ).option('-y, --yes', 'do not ask');
  add('enable', 'machine.enable', 'give a disabled machine back; needs two people');
}
