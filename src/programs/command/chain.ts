import type { Command } from 'commander';
import { NsError } from '../../base/index.ts';
import { parseBytes, parseCount } from '../../fleet/index.ts';
import type { ArgsOf } from '../../protocol/index.ts';
import type { Run } from './files.ts';
import { runOnHosts, simpleOrder } from './run.ts';
import { runWatched, type WatchOptions, withWatch } from './watch.ts';

const HOSTS = 'host, range, list or @group';
const QUESTION_BYTES = 8;

export interface ChainOptions extends WatchOptions {
  readonly disk?: string;
  readonly after?: string;
}

export interface SyncOptions extends WatchOptions {
  readonly disk?: string;
  readonly resync?: true;
  readonly accept?: string;
  readonly reason?: string;
  readonly dryRun?: true;
}

function actionOf(o: SyncOptions): ArgsOf<'chain.sync'>['action'] {
  if (o.resync && o.accept !== undefined)
    throw new NsError('NS_USAGE', 'give --resync or --accept, not both', { family: 'caller' });
  if (o.resync) return { do: 'resync' };
  if (o.accept === undefined) return undefined;
  return { do: 'accept', question: parseBytes(o.accept, 'question', QUESTION_BYTES) };
}

export function chainArgs(o: ChainOptions): ArgsOf<'chain.status'> {
  return {
    ...(o.disk === undefined ? {} : { disk: o.disk }),
    ...(o.after === undefined ? {} : { after: parseCount(o.after, 'unit', 0, 65_535) }),
  };
}

export function syncArgs(o: SyncOptions): ArgsOf<'chain.sync'> {
  const action = actionOf(o);
  return {
    ...(o.disk === undefined ? {} : { disk: o.disk }),
    ...(action === undefined ? {} : { action }),
    ...(o.reason === undefined ? {} : { reason: o.reason }),
    ...(o.dryRun ? { dryRun: true } : {}),
  };
}

/** chain, chain status, chain sync. */
export function addChainCommands(program: Command, run: Run): void {
  const show = (hosts: string, o: ChainOptions): Promise<void> =>
    run(async (context) => {
      return runWatched(context, hosts, simpleOrder(context, 'chain.status', chainArgs(o)), o);
    });
  const chain = withWatch(
    program
      .command('chain')
      .description('show the chains of drives of hosts, unit by unit, or bring them in step')
      .argument('<hosts>', HOSTS)
      .option('--disk <name>', 'only this disk')
      .option('--after <unit>', 'begin at this unit, counted from the host'),
  ).action(show);
  chain
    .command('sync')
    .description('bring the tables of all units in step, and say what was not')
    .argument('<hosts>', HOSTS)
    .option('--disk <name>', 'only this disk')
    .option('--resync', 'have the chain look for all its members anew')
    .option(
      '--accept <question>',
      'what is there now is the whole disk: the id that "nightshift chain" shows',
    )
    .option('--reason <text>', 'kept in the audit log')
    .option('--dry-run', 'say whether it could be done, and change nothing')
    .action((hosts: string, _own: unknown, command: Command) =>
      run(async (context) => {
        const o = command.optsWithGlobals<SyncOptions>();
        if (o.watch !== undefined)
          throw new NsError('NS_USAGE', '--watch is for what only asks', { family: 'caller' });
        const args = syncArgs(o);
        return runOnHosts(context, await context.hosts(hosts), simpleOrder(context, 'chain.sync', args));
      }),
    );
}
