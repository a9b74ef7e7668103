import type { Command } from 'commander';
import type { Run } from './fleet-cli-files.ts';
import { runOnHosts, simpleOrder } from './fleet-cli-run.ts';
import type { ArgsOf } from './protocol/index.ts';

/** volumes. */
export function addVolumeCommands(program: Command, run: Run): void {
  program
    .command('volumes')
    .description('show the volumes of sleeping hosts: what each is, and whether it may be read and written')
    .argument('<hosts>', 'host, range, list or @group')
    .option('--after <volume>', 'begin after this volume')
    .action((hosts: string, o: { readonly after?: string }) =>
      run(async (context) => {
        const args: ArgsOf<'volume.list'> = o.after === undefined ? {} : { after: o.after };
        return runOnHosts(context, await context.hosts(hosts), simpleOrder(context, 'volume.list', args));
      }),
    );
}
