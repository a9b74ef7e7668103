import { MeteredBus } from '../../adapters/metrics/metered-bus.ts';
import { addProcessMetrics } from '../../adapters/metrics/process-metrics.ts';
import { Registry } from '../../adapters/metrics/registry.ts';
import { type ScrapeServer, startScrapeServer } from '../../adapters/metrics/scrape-server.ts';
import { asNsError, type Verdict } from '../../base/index.ts';
import type { Clock, LogSink, MeasureSink, MessageBus, VolumeEditor } from '../../ports/index.ts';
import { VERSION } from '../version.ts';
import type { AgentConfig } from './config.ts';
import { type MetricsConfig, readMetricsConfig } from './metrics-config.ts';
import { addDeviceFacts, type DeviceFacts } from './metrics-facts.ts';
import { DeviceMeasures } from './metrics-families.ts';

/** The device's metrics, from before its parts are made until it stops. */
export interface DeviceMetrics {
  readonly measures: MeasureSink;
  /** The same bus, measured. */
  bus(own: MessageBus): MessageBus;
  /** The same editor, measured. */
  editor(own: VolumeEditor): VolumeEditor;
  /** Begins to look at these, and to listen. An address that is not to be had keeps no device from starting. */
  start(facts: DeviceFacts): Promise<void>;
  close(): Promise<void>;
}

/** Judges the section `metrics`, and opens nothing. NS_CONFIG_INVALID. */
export async function checkMetrics(config: AgentConfig, log: LogSink): Promise<void> {
  await readMetricsConfig(config, log);
}

export async function openDeviceMetrics(
  config: AgentConfig,
  clock: Clock,
  log: LogSink,
): Promise<DeviceMetrics> {
  const where = await readMetricsConfig(config, log);
  const registry = new Registry();
  addProcessMetrics(registry, { program: 'nightshift-agent', version: VERSION });
  const measures = new DeviceMeasures(registry, clock);
  let server: ScrapeServer | undefined;
  return {
    measures,
    bus: (own) => new MeteredBus(own, clock, registry),
    editor: (own) => meteredEditor(own, registry),
    start: async (facts) => {
      addDeviceFacts(registry, facts);
      server = await listen(where, registry, log);
    },
    close: async () => server?.close(),
  };
}

async function listen(
  { address, token, tls }: MetricsConfig,
  registry: Registry,
  log: LogSink,
): Promise<ScrapeServer | undefined> {
  try {
    const server = await startScrapeServer({
      address,
      scrape: () => registry.scrape(),
      ...(token === undefined ? {} : { token }),
      ...(tls === undefined ? {} : { tls }),
    });
    if (!address.loopback && tls === undefined)
      log.log('warn', 'metrics.without-tls', { address: server.authority });
    log.log('info', 'metrics.listening', { address: server.authority });
    return server;
  } catch (error) {
    log.log('error', 'metrics.not-listening', { error: asNsError(error).message });
    return undefined;
  }
}

/** Counts how the tools that write filesystems do. */
function meteredEditor(own: VolumeEditor, registry: Registry): VolumeEditor {
  const runs = registry.counter(
    'nightshift_tool_runs_total',
    'Work of the filesystem tools, by how it ended.',
    ['type', 'work', 'result'],
  );
  const known = new Set(own.capabilities.types);
  for (const type of known) {
    for (const work of ['edit', 'check', 'replay']) runs.add({ type, work, result: 'failed' }, 0);
  }
  const counted = async (work: string, type: string, run: Promise<Verdict<void>>): Promise<Verdict<void>> => {
    const labels = { type: known.has(type) ? type : 'other', work };
    try {
      const verdict = await run;
      runs.add({ ...labels, result: verdict.ok ? 'ok' : 'refused' });
      return verdict;
    } catch (error) {
      runs.add({ ...labels, result: 'failed' });
      throw error;
    }
  };
  return {
    capabilities: own.capabilities,
    edit: (overlay, type, ...rest) => counted('edit', type, own.edit(overlay, type, ...rest)),
    check: (device, type, signal) => counted('check', type, own.check(device, type, signal)),
    replay: (overlay, type, ...rest) => counted('replay', type, own.replay(overlay, type, ...rest)),
  };
}
