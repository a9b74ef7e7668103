import { mkdir } from 'node:fs/promises';
import { askControlSocket, openControlSocket } from '../../adapters/control-socket.ts';
import { systemEntropy } from '../../adapters/entropy.ts';
import { openFileStateStore } from '../../adapters/file-state-store.ts';
import { LocalChain } from '../../adapters/local-chain/local-chain.ts';
import { incarnations, LocalUnits } from '../../adapters/local-chain/local-units.ts';
import { humanLog, silentLog } from '../../adapters/log.ts';
import { holdAlone } from '../../adapters/single-instance.ts';
import { systemClock } from '../../adapters/system-clock.ts';
import { systemScheduler } from '../../adapters/system-scheduler.ts';
import { asNsError, NsError } from '../../base/index.ts';
import type { ChainLink } from '../../ports/index.ts';
import { servePlug } from '../../sata-chain/index.ts';
import { openLink } from '../chain-links.ts';
import type { LinkAddress } from '../link-address.ts';
import { VERSION } from '../version.ts';
import { CHAIN_HELP, readChainArguments, type ServeOptions, type UnitOptions } from './arguments.ts';
import { exportChain } from './export.ts';
import { readLayout } from './layout.ts';
import { openMembers } from './members.ts';
import { obeyChainOrder } from './orders.ts';

const DISK = 'disk0';
const ORDER_MS = 30_000;
/** Longest time for an orderly stop; what was flushed is safe without it. */
const STOP_MS = 10_000;

/** What both ways to run share: the units' own storage, their drives, and the links to neighbours. */
async function openParts(options: UnitOptions, writable: boolean) {
  const log = options.quiet ? silentLog : humanLog(process.stderr);
  if (options.state !== undefined) await mkdir(options.state, { recursive: true, mode: 0o700 });
  const release = options.state === undefined ? undefined : await holdAlone(options.state);
  const state = options.state === undefined ? undefined : await openFileStateStore(options.state);
  const members = await openMembers(options.members, { sectorSize: options.sectorSize, writable });
  const scheduler = systemScheduler();
  const links: ChainLink[] = [];
  const linkTo = async (address: LinkAddress): Promise<ChainLink> => {
    const link = await openLink(address, { scheduler, clock: systemClock, log });
    links.push(link);
    return link;
  };
  const below = options.below === undefined ? undefined : await linkTo(options.below);
  return {
    log,
    linkTo,
    units: {
      name: DISK,
      members,
      scheduler,
      entropy: systemEntropy,
      log,
      ...(state === undefined ? {} : { state }),
      ...(below === undefined ? {} : { below }),
    },
    close: async () => {
      await Promise.all(links.map((link) => link.close()));
      await Promise.all(members.map(({ device }) => device.close()));
      await release?.();
    },
  };
}

async function serve(options: ServeOptions): Promise<void> {
  const { layout } = options;
  if (layout !== undefined && options.state === undefined)
    throw usage('--layout needs --state: mirrors must remember');
  if (layout !== undefined && options.below !== undefined)
    throw usage('--layout needs all members in this process, and takes no --below');
  const stopped = untilStopped();
  const { log, units, close } = await openParts(options, !options.readOnly);
  const chain = await LocalChain.open({
    ...units,
    clock: systemClock,
    ...(layout === undefined ? {} : await readLayout(layout, systemClock)),
  });
  const server = await exportChain(chain, options, log);
  const over = new AbortController();
  const control =
    options.control === undefined
      ? undefined
      : await openControlSocket(options.control, (line) => obeyChainOrder(chain, line, over.signal));
  if (options.at.is === 'tcp') print(`listening on 127.0.0.1 port ${server.port}\n`);
  await stopped;
  over.abort(new NsError('NS_INTERRUPTED', 'the chain is stopping'));
  await control?.close();
  await server.close();
  await chain.close();
  await close();
}

/** One unit alone: its commands come from above, over the link. */
async function unit(options: UnitOptions & { readonly above: LinkAddress }): Promise<void> {
  if (options.control !== undefined)
    throw usage('a unit takes orders from the head; --control belongs to serve');
  const stopped = untilStopped();
  const { units, linkTo, close } = await openParts(options, true);
  const above = await linkTo(options.above);
  const own = await LocalUnits.make({ ...units, above, keepsPlaces: false });
  const newIncarnation = incarnations(systemEntropy);
  const served = servePlug(own.first.pti, above, units.scheduler, { newIncarnation });
  await own.switchOn();
  await stopped;
  served.close();
  await own.close();
  await close();
}

async function give(order: string, control: string): Promise<void> {
  const { text } = await askControlSocket(control, { order }, ORDER_MS);
  if (Array.isArray(text)) print(`${text.join('\n')}\n`);
}

async function untilStopped(): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
  setTimeout(() => process.exit(1), STOP_MS).unref();
}

function usage(sentence: string): NsError {
  return new NsError('NS_USAGE', `${sentence}; see nightshift-chain --help`, { family: 'caller' });
}

function print(text: string): void {
  process.stdout.write(text);
}

async function run(argv: readonly string[]): Promise<void> {
  const command = readChainArguments(argv);
  switch (command.is) {
    case 'help':
      return print(CHAIN_HELP);
    case 'version':
      return print(`${VERSION}\n`);
    case 'serve':
      return serve(command.options);
    case 'unit':
      return unit(command.options);
    case 'order':
      return give(command.order, command.control);
  }
}

// Whoever reads what is printed may go away; the disk stays.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

run(process.argv.slice(2)).then(
  () => process.exit(0),
  (error: unknown) => {
    const failure = asNsError(error);
    process.stderr.write(`nightshift-chain: ${failure.message}\n`);
    process.exit(failure.family === 'caller' ? 2 : 1);
  },
);
