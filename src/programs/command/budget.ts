import type { Command } from 'commander';
import { NsError } from '../../base/index.ts';
import { EXIT, foldHosts, parseCount } from '../../fleet/index.ts';
import type { ArgsOf } from '../../protocol/index.ts';
import { MAX_PER_EPOCH } from '../../security/index.ts';
import type { Run } from './files.ts';
import { confirmed } from './lock.ts';
import { runOnHosts, simpleOrder } from './run.ts';
import { runWatched, type WatchOptions, withWatch } from './watch.ts';

const HOSTS = 'host, range, list or @group';

export interface BudgetOptions {
  readonly lock: string;
  readonly wipe: string;
  readonly budgetVersion: string;
  readonly dryRun?: true;
}

/** "--version" alone is the program's. */
export function withBudgetOptions(command: Command): Command {
  return command
    .requiredOption('--lock <n>', `disables in an epoch, in the whole fleet; ${MAX_PER_EPOCH} at most`)
    .requiredOption('--wipe <n>', 'deletions of trees or of what a host needs to start')
    .requiredOption('--budget-version <n>', 'one more than "nightshift budget" shows')
    .option('--dry-run', 'ask whether it would be taken, and change nothing');
}

export function budgetArgs({ lock, wipe, budgetVersion, dryRun }: BudgetOptions): ArgsOf<'budget.update'> {
  return {
    version: parseCount(budgetVersion, 'version', 1, Number.MAX_SAFE_INTEGER),
    lock: parseCount(lock, 'limit', 0, MAX_PER_EPOCH),
    wipe: parseCount(wipe, 'limit', 0, MAX_PER_EPOCH),
    ...(dryRun === true ? { dryRun } : {}),
  };
}

interface DeskOptions extends BudgetOptions {
  readonly cosignKey?: string;
  readonly yes?: true;
}

/** budget, budget set: what devices let a fleet destroy in an epoch. */
export function addBudgetCommands(program: Command, run: Run): void {
  const budget = program
    .command('budget')
    .description('show what devices know of the budget of destructive orders, or change it');
  withWatch(
    budget
      .command('show', { isDefault: true })
      .description('how many destructive orders an epoch has room for, and how many were seen')
      .argument('<hosts>', HOSTS),
  ).action((hosts: string, o: WatchOptions) =>
    run((context) => runWatched(context, hosts, simpleOrder(context, 'budget.read', {}), o)),
  );
  withBudgetOptions(
    budget
      .command('set')
      .description('change it: down at once, up after a day; needs two people')
      .argument('<hosts>', HOSTS),
  )
    .option('--cosign-key <file>', 'private key of the second person')
    .option('-y, --yes', 'do not ask')
    .action((hosts: string, o: DeskOptions) =>
      run(async (context) => {
        const args = budgetArgs(o);
        if (o.cosignKey === undefined) {
          throw new NsError(
            'NS_USAGE',
            'a budget is changed by two people, so nothing was sent. With both at this desk: --cosign-key FILE. ' +
              `In two places: "nightshift sign budget ${hosts} … -o FILE", then "nightshift cosign FILE" and "nightshift send FILE".`,
            { family: 'caller' },
          );
        }
        const names = await context.hosts(hosts);
        if (names.length === 0) return EXIT.done;
        const what = `Set the budget of ${foldHosts(names)} to ${args.lock} for lock and ${args.wipe} for wipe?`;
        await confirmed(context, what, o.yes === true || o.dryRun === true);
        const work = simpleOrder(context, 'budget.update', args);
        return runOnHosts(context, names, work, { cosignKey: o.cosignKey });
      }),
    );
}
