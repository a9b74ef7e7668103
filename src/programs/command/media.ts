import type { Command } from 'commander';
import { openLocalFile } from '../../adapters/operator-files.ts';
import { sendWindowFor } from '../../fleet/index.ts';
import type { Context } from './context.ts';
import type { Run } from './files.ts';
import { usage } from './keyring-files.ts';
import { answerOf, type HostWork, runOnHosts, simpleOrder } from './run.ts';
import { runWatched, type WatchOptions, withWatch } from './watch.ts';
import { type DeskOptions, deskOf, flag, withDeskOptions } from './wipe.ts';

const HOSTS = 'host, range, list or @group';
const SECTOR = 512;

interface OfferOptions extends DeskOptions {
  readonly dryRun?: true;
}

async function offer(context: Context, image: string, hosts: string, o: OfferOptions) {
  const names = await context.hosts(hosts);
  if (o.dryRun !== true && o.cosignKey === undefined)
    throw usage('what a host starts from reaches all its disks: that needs two people, --cosign-key FILE');
  const file = await openLocalFile(image, context.signal);
  try {
    const { size, sha256 } = file;
    if (size === 0 || size % SECTOR !== 0)
      throw usage(`${image} has ${size} bytes: the image of a disk has whole sectors of ${SECTOR}`);
    const args = flag('dryRun', o.dryRun);
    const order = { verb: 'media.offer', args: { ...args, size, sha256 } } as const;
    const { signing, tokens } = await deskOf(context, `media offer ${image} ${hosts}`, order, names, o);
    const work: HostWork = async (fleet, host, watch) => {
      const { outcome, fault, id } = await fleet.offer(host, args, file, {
        signal: context.signal,
        timing: context.timing,
        sendWindow: sendWindowFor(names.length),
        ...watch,
      });
      if (outcome.is === 'rejected' && outcome.refusal.code !== 'TOKEN_SPENT') await tokens?.release(id);
      return answerOf(host, 'media.offer', outcome, {}, fault === undefined ? {} : { fault });
    };
    return await runOnHosts(context, names, work, signing);
  } finally {
    await file.close();
  }
}

/** media offer, media show, media withdraw. */
export function addMediaCommands(program: Command, run: Run): void {
  const media = program
    .command('media')
    .description('images that hosts find at their USB port when they start');
  withDeskOptions(
    media
      .command('offer')
      .description('offer the image of a disk, read-only, for the next start of hosts that are down')
      .argument('<image>', 'file here, of whole sectors')
      .argument('<hosts>', HOSTS)
      .option('--dry-run', 'say whether it could be offered, and offer nothing'),
  ).action((image: string, hosts: string, o: OfferOptions) =>
    run((context) => offer(context, image, hosts, o)),
  );
  withWatch(media.command('show').description('what is offered').argument('<hosts>', HOSTS)).action(
    (hosts: string, o: WatchOptions) =>
      run((context) =>
        runWatched(context, hosts, simpleOrder(context, 'media.withdraw', { dryRun: true }), o),
      ),
  );
  media
    .command('withdraw')
    .description('take away what is offered')
    .argument('<hosts>', HOSTS)
    .action((hosts: string) =>
      run(async (context) =>
        runOnHosts(context, await context.hosts(hosts), simpleOrder(context, 'media.withdraw', {})),
      ),
    );
}
