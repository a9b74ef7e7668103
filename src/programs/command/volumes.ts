import type { Command } from 'commander';
import type { ArgsOf } from '../../protocol/index.ts';
import type { Run } from './files.ts';
import { simpleOrder } from './run.ts';
import { runWatched, type WatchOptions, withWatch } from './watch.ts';

/** volumes. */
export function addVolumeCommands(program: Command, run: Run): void {
  withWatch(
    program
      .command('volumes')
      .description('show the volumes of sleeping hosts: what each is, and whether it may be read and written')
      .argument('<hosts>', 'host, range, list or @group')
      .option('--after <volume>', 'begin after this volume'),
  ).action((hosts: string, o: { readonly after?: string } & WatchOptions) =>
    run(async (context) => {
      const args: ArgsOf<'volume.list'> = o.after === undefined ? {} : { after: o.after };
      return runWatched(context, hosts, simpleOrder(context, 'volume.list', args), o);
    }),
  );
}
