import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { jsonLog } from '../../adapters/json-log.ts';
import { humanLog } from '../../adapters/log.ts';
import { readListenAddress } from '../../adapters/metrics/listen-address.ts';
import { MeteredBus } from '../../adapters/metrics/metered-bus.ts';
import { addProcessMetrics } from '../../adapters/metrics/process-metrics.ts';
import { Registry } from '../../adapters/metrics/registry.ts';
import { type ScrapeServerOptions, startScrapeServer } from '../../adapters/metrics/scrape-server.ts';
import { systemClock } from '../../adapters/system-clock.ts';
import { milliseconds, NsError, sentenceOf } from '../../base/index.ts';
import { configInvalid, EXIT, type ExitCode, FleetView, parseWait } from '../../fleet/index.ts';
import { eventsFilter } from '../../protocol/index.ts';
import { openBus } from '../operator-bus.ts';
import { VERSION } from '../version.ts';
import type { Context } from './context.ts';
import { fleetCounters, fleetGauges } from './exporter-metrics.ts';
import type { Run } from './files.ts';

interface ExporterOptions {
  readonly listen: string;
  readonly tokenFile?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly perHost?: boolean;
  readonly silentAfter: string;
  readonly log: 'human' | 'json';
}

const SHORTEST_TOKEN = 16;

function usage(sentence: string): NsError {
  return new NsError('NS_USAGE', sentence, { family: 'caller' });
}

async function textOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: unknown) => {
    throw configInvalid(`${path} cannot be read: ${sentenceOf(error)}`, error);
  });
}

/** Who is answered, and how. What other machines reach asks for a token. */
async function accessOf(o: ExporterOptions): Promise<Omit<ScrapeServerOptions, 'scrape'>> {
  const address = readListenAddress(o.listen);
  if (!address.loopback && o.tokenFile === undefined) {
    throw usage(`--listen ${o.listen} is not on the loopback: name a token with --token-file`);
  }
  if ((o.tlsCert === undefined) !== (o.tlsKey === undefined)) {
    throw usage('--tls-cert and --tls-key go together');
  }
  const [token] = o.tokenFile === undefined ? [] : (await textOf(o.tokenFile)).split(/\r?\n/);
  if (token !== undefined && !/^\S{16,256}$/.test(token)) {
    throw usage(`the token of ${o.tokenFile} is not ${SHORTEST_TOKEN} to 256 characters without a space`);
  }
  return {
    address,
    ...(token === undefined ? {} : { token }),
    ...(o.tlsCert === undefined || o.tlsKey === undefined
      ? {}
      : { tls: { cert: await textOf(o.tlsCert), key: await textOf(o.tlsKey) } }),
  };
}

/** Ends at Ctrl-C, and when a supervisor asks. */
function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
    process.once('SIGTERM', () => resolve());
  });
}

async function serve(context: Context, hosts: readonly string[], o: ExporterOptions): Promise<ExitCode> {
  const access = await accessOf(o);
  const silentAfter = milliseconds(parseWait(o.silentAfter));
  const config = await context.config();
  const log =
    o.log === 'json' ? jsonLog(process.stderr, { name: 'nightshift-exporter' }) : humanLog(process.stderr);
  const opened = await openBus({ config, directory: await context.directory() }, (sentence) =>
    context.terminal.warn(sentence),
  );
  const registry = new Registry();
  addProcessMetrics(registry, { program: 'nightshift-exporter', version: VERSION });
  const bus = new MeteredBus(opened, systemClock, registry);
  const wanted = new Set(hosts);
  const view = new FleetView({
    tenant: config.tenant,
    devices: new Map([...config.devices].filter(([name]) => wanted.has(name))),
    clock: systemClock,
    silentAfter,
    onSeen: fleetCounters(registry),
  });
  fleetGauges(registry, view, o.perHost === true);
  bus.onMessage(async ({ topic, payload, retained }) => view.take(topic, payload, retained));
  let told = '';
  bus.onState((state) => {
    const now = state.is === 'up' ? 'up' : state.reason;
    // A broker that stays away is told of once.
    if (now === told) return;
    told = now;
    if (state.is === 'up') log.log('info', 'bus-up', { protocol: state.protocol });
    else log.log('warn', 'bus-down', { reason: state.reason });
  });
  const server = await startScrapeServer({ ...access, scrape: () => registry.scrape() });
  try {
    await bus.subscribe([eventsFilter(config.tenant)], { transient: true });
    // A broker that is away is a state to be told, and no reason to end.
    bus.start(context.signal).catch(() => undefined);
    log.log('info', 'exporter.listening', { address: server.authority, hosts: wanted.size });
    await ended(context.signal);
  } finally {
    await server.close();
    await bus.close();
  }
  return context.signal.aborted ? EXIT.interrupted : EXIT.done;
}

/** exporter. */
export function addExporterCommand(program: Command, run: Run): void {
  program
    .command('exporter')
    .description(
      'stay, listen to what the devices say, and answer Prometheus; gives no order, and needs no key',
    )
    .argument('[hosts]', 'host, range, list or @group', '@all')
    .option('--listen <address>', 'address and port to answer at', '127.0.0.1:9461')
    .option('--token-file <file>', 'first line is the bearer token that is asked for')
    .option('--tls-cert <file>', 'answer by HTTPS with this certificate')
    .option('--tls-key <file>', 'its private key')
    .option('--per-host', 'series for each host too')
    .option('--silent-after <time>', 'a device that was not heard for so long is silent', '3m')
    .addOption(
      new Option('--log <form>', 'how lines are written to standard error')
        .choices(['human', 'json'])
        .default('human'),
    )
    .action((hosts: string, o: ExporterOptions) =>
      run(async (context) => serve(context, await context.hosts(hosts), o)),
    );
}
