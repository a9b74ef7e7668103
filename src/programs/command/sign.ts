import { type Command, Option } from 'commander';
import { systemEntropy } from '../../adapters/entropy.ts';
import { writeOrderText } from '../../adapters/order-file.ts';
import { systemClock } from '../../adapters/system-clock.ts';
import { milliseconds, NsError } from '../../base/index.ts';
import {
  EXIT,
  type ExitCode,
  encodeOrderFile,
  forEachHost,
  parseWait,
  readOrderFile,
  signDrafts,
  wordsOf,
} from '../../fleet/index.ts';
import type { Order } from '../../protocol/index.ts';
import { isLasting, Keyring, needsTwoPeople } from '../../security/index.ts';
import { type BudgetOptions, budgetArgs, withBudgetOptions } from './budget.ts';
import type { Context } from './context.ts';
import { displayDrafts } from './drafts.ts';
import type { Run } from './files.ts';
import { type LockOptions, type LockVerb, lockArgs, withLockOptions } from './lock.ts';
import { type TokenOptions, tokensFor, withTokenOptions } from './tokens-in-hand.ts';
import { mustBeArchive, type TreeOptions, whatToPut } from './tree.ts';
import {
  effectOf,
  type PutOptions,
  type RemoveOptions,
  removeArgs,
  withPutOptions,
  withRemoveOptions,
} from './wipe.ts';

/** Time for the second person to be found. */
const VALID = '24h';
const LONGEST_VALID = milliseconds(7 * 24 * 3_600_000);

interface SignOptions extends TokenOptions {
  readonly out: string;
  readonly valid: string;
}

interface Wanted {
  readonly order: Pick<Order, 'verb' | 'args'>;
  readonly effect?: Uint8Array;
}

/** With --fresh, of each host; NS_NO_NONCE where one gives none: an order that is to have one is not written without. */
async function askNonces(
  { timing, signal, withFleet }: Context,
  order: Pick<Order, 'verb'>,
  hosts: readonly string[],
): Promise<ReadonlyMap<string, Uint8Array> | undefined> {
  if (timing.by !== 'nonce' || isLasting(order)) return undefined;
  return withFleet(async (fleet) => {
    const ask = async (host: string) => [host, await fleet.nonce(host, { signal, timing })] as const;
    return new Map(await forEachHost(hosts, ask));
  });
}

/** One order for each host, with the first signature; no order is sent. */
async function sign(context: Context, range: string, wanted: Wanted, o: SignOptions): Promise<ExitCode> {
  const validFor = milliseconds(parseWait(o.valid));
  if (validFor > LONGEST_VALID) {
    throw new NsError('NS_USAGE', 'an order is valid for 7 days at most', { family: 'caller' });
  }
  const { order, effect } = wanted;
  if (!needsTwoPeople(order)) {
    throw new NsError('NS_USAGE', `${wordsOf(order)}: one person gives that, without "sign"`, {
      family: 'caller',
    });
  }
  const hosts = await context.hosts(range);
  const tokens = await tokensFor(context, order, hosts, o);
  const { tenant, people } = await context.config();
  const { key, counter } = await context.signer();
  const writer = { key, counter, entropy: systemEntropy, now: systemClock.wallSeconds() };
  const nonces = await askNonces(context, order, hosts);
  const wish = { order, effect, validFor, nonces, tokens };
  const packets = await signDrafts({ ...writer, tenant }, hosts, wish, (signed) =>
    writeOrderText(o.out, encodeOrderFile({ tenant, packets: signed }), false),
  );
  await displayDrafts(context, {
    tenant,
    drafts: readOrderFile({ tenant, packets }, new Keyring(people)),
  });
  context.terminal.warn(`${o.out} is signed by you. The second person: nightshift cosign ${o.out}`);
  return EXIT.done;
}

const HOSTS = 'hosts, ranges, lists or @groups';

/** sign disable, enable, rm, put, budget: the first signature of an order for two people. */
export function addSignCommands(program: Command, run: Run): void {
  const group = program
    .command('sign')
    .description('write an order for two people to a file, with the first signature; nothing is sent');
  const common = (command: Command): Command =>
    command
      .requiredOption('-o, --out <file>', 'the file; it must not be there yet')
      .addOption(new Option('--valid <time>', 'for how long, 7 days at most').default(VALID));
  const lock = (name: string, verb: LockVerb): Command =>
    common(withLockOptions(group.command(name).argument('<hosts...>', HOSTS))).action(
      (hosts: string[], o: SignOptions & LockOptions) =>
        run((context) => sign(context, hosts.join(','), { order: { verb, args: lockArgs(o) } }, o)),
    );
  withTokenOptions(lock('disable', 'machine.disable')).description('disable machines; without end');
  lock('enable', 'machine.enable').description('give disabled machines back');
  withTokenOptions(
    common(withRemoveOptions(group.command('rm').argument('<hosts>', HOSTS).argument('<path>'))),
  )
    .description('delete a directory and all in it, or what a host needs to start')
    .action((hosts: string, path: string, o: SignOptions & RemoveOptions) =>
      run((context) => {
        const order = { verb: 'file.delete', args: removeArgs(path, o) } as const;
        return sign(context, hosts, { order, ...effectOf(o) }, o);
      }),
    );
  withTokenOptions(
    common(
      withPutOptions(group.command('put').argument('<local>').argument('<hosts>', HOSTS).argument('<path>')),
    ).option('-r, --recursive', 'a tar archive, which is unpacked there'),
  )
    .description('replace a file that a host needs to start; "send" is given the file again')
    .action((local: string, hosts: string, path: string, o: SignOptions & PutOptions & TreeOptions) =>
      run(async (context) => {
        if (o.recursive === true) await mustBeArchive(local);
        const { file, args: wanted } = await whatToPut(context, local, path, o);
        await file.close();
        const { size, sha256 } = file;
        const args = { ...wanted, size, sha256 };
        return sign(context, hosts, { order: { verb: 'file.download', args }, ...effectOf(o) }, o);
      }),
    );
  common(withBudgetOptions(group.command('budget').argument('<hosts>', HOSTS)))
    .description('change how many destructive orders an epoch has room for')
    .action((hosts: string, o: SignOptions & BudgetOptions) =>
      run((context) => sign(context, hosts, { order: { verb: 'budget.update', args: budgetArgs(o) } }, o)),
    );
}
