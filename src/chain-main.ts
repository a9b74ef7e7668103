import { mkdir, readFile } from 'node:fs/promises';
import { parse as parseYaml } from 'yaml';
import { askControlSocket, openControlSocket } from './adapters/control-socket.ts';
import { systemEntropy } from './adapters/entropy.ts';
import { openFileStateStore } from './adapters/file-state-store.ts';
import { LocalChain } from './adapters/local-chain/local-chain.ts';
import { humanLog, silentLog } from './adapters/log.ts';
import { holdAlone } from './adapters/single-instance.ts';
import { systemClock } from './adapters/system-clock.ts';
import { systemScheduler } from './adapters/system-scheduler.ts';
import { asNsError, NsError } from './base/index.ts';
import { CHAIN_HELP, readChainArguments, type ServeOptions } from './chain-arguments.ts';
import { exportChain } from './chain-export.ts';
import { openMembers } from './chain-members.ts';
import { obeyChainOrder } from './chain-orders.ts';
import { VERSION } from './version.ts';

const DISK = 'disk0';
const ORDER_MS = 30_000;
/** Longest time for an orderly stop; what was flushed is safe without it. */
const STOP_MS = 10_000;

async function serve(options: ServeOptions): Promise<void> {
  const log = options.quiet ? silentLog : humanLog(process.stderr);
  if (options.state !== undefined) await mkdir(options.state, { recursive: true, mode: 0o700 });
  const release = options.state === undefined ? undefined : await holdAlone(options.state);
  const state = options.state === undefined ? undefined : await openFileStateStore(options.state);
  if (options.layout !== undefined && state === undefined) {
    throw new NsError('NS_USAGE', '--layout needs --state: mirrors must remember', { family: 'caller' });
  }
  const members = await openMembers(options.members, {
    sectorSize: options.sectorSize,
    writable: !options.readOnly,
  });
  const chain = await LocalChain.open({
    name: DISK,
    members,
    scheduler: systemScheduler(),
    clock: systemClock,
    entropy: systemEntropy,
    log,
    ...(state === undefined ? {} : { state }),
    ...(options.layout === undefined ? {} : { layout: parseYaml(await readFile(options.layout, 'utf8')) }),
  });
  const server = await exportChain(chain, options, log);
  const over = new AbortController();
  const control =
    options.control === undefined
      ? undefined
      : await openControlSocket(options.control, (line) => obeyChainOrder(chain, line, over.signal));
  if (options.at.is === 'tcp') print(`listening on 127.0.0.1 port ${server.port}\n`);
  await stopAsked();
  setTimeout(() => process.exit(1), STOP_MS).unref();
  over.abort(new NsError('NS_INTERRUPTED', 'the chain is stopping'));
  await control?.close();
  await server.close();
  await chain.close();
  await Promise.all(members.map(({ device }) => device.close()));
  await release?.();
}

async function give(order: string, control: string): Promise<void> {
  const { text } = await askControlSocket(control, { order }, ORDER_MS);
  if (Array.isArray(text)) print(`${text.join('\n')}\n`);
}

function stopAsked(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
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
      throw new NsError('NS_USAGE', 'unit is not there yet', { family: 'caller' });
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
    process.exit(failure.code === 'NS_USAGE' || failure.code === 'NS_CONFIG_INVALID' ? 2 : 1);
  },
);
