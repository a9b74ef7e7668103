import type { Gauge, Registry } from '../../adapters/metrics/registry.ts';
import { milliseconds, seconds } from '../../base/index.ts';
import type { Custody } from '../../bmc/index.ts';
import type { Channel, Clock, IoDevices, SwitchPosition } from '../../ports/index.ts';
import type { ChainControl, ChainReport } from '../../sata-chain/index.ts';

/** What of the hardware is looked at for a scrape. */
export interface HardwareFacts {
  readonly clock: Clock;
  readonly custody: Pick<Custody, 'report' | 'closedBy'>;
  readonly chains?: readonly ChainControl[] | undefined;
  readonly io?: IoDevices | undefined;
}

const POSITIONS: readonly SwitchPosition[] = ['host', 'ours', 'held', 'unknown'];
/** A drive switch, a chain or a sensor is asked this often at most, whoever scrapes. */
const ASKED_EVERY = seconds(5);
const CHAIN_PATIENCE = milliseconds(2000);

/** Asks again only after a while, and never twice at once. */
function seldom(clock: Clock, ask: () => Promise<void>): () => Promise<void> {
  let last = Number.NEGATIVE_INFINITY;
  let under: Promise<void> | undefined;
  return () => {
    if (under === undefined && clock.monotonic() - last < ASKED_EVERY) return Promise.resolve();
    under ??= ask().finally(() => {
      last = clock.monotonic();
      under = undefined;
    });
    return under;
  };
}

export function addHardware(registry: Registry, facts: HardwareFacts): void {
  for (const add of [addDisks, addChains, addSensors]) add(registry, facts);
}

function addDisks(registry: Registry, { custody, clock }: HardwareFacts): void {
  const position = registry.gauge(
    'nightshift_disk_position',
    'Whose a disk is, as its switch says: 1 for where it is.',
    ['disk', 'position'],
  );
  const lent = registry.gauge('nightshift_disk_leased', '1 while a task has the disk.', ['disk']);
  const closed = registry.gauge(
    'nightshift_custody_closed',
    '1 while no task may have a disk: the host is awake or waking, or the machine is disabled.',
  );
  const look = seldom(clock, async () => {
    for (const { name: disk, position: at, holder } of await custody.report()) {
      position.setState('position', POSITIONS, at, { disk });
      lent.set(holder === undefined ? 0 : 1, { disk });
    }
  });
  registry.onScrape(async () => {
    closed.set(custody.closedBy() === undefined ? 0 : 1);
    await look();
  });
}

function addChains(registry: Registry, { chains = [], clock }: HardwareFacts): void {
  const units = registry.gauge(
    'nightshift_chain_units',
    'Units of the chain, by whether the head hears them.',
    ['disk', 'heard'],
  );
  const inStep = registry.gauge(
    'nightshift_chain_in_step',
    "1 while the head's neighbours know what it knows.",
    ['disk'],
  );
  const degraded = registry.gauge(
    'nightshift_chain_degraded',
    '1 while mirrors are behind, or members are missing.',
    ['disk'],
  );
  const troubles = registry.gauge('nightshift_chain_troubles', 'Things that are wrong with the chain now.', [
    'disk',
  ]);
  const tell = ({ disk, ...report }: ChainReport): void => {
    const heard = report.units.filter((unit) => unit.heard).length;
    units.set(heard, { disk, heard: 'true' });
    units.set(report.units.length - heard, { disk, heard: 'false' });
    inStep.set(report.inStep ? 1 : 0, { disk });
    degraded.set(report.degraded ? 1 : 0, { disk });
    troubles.set(report.trouble.length + report.findings.length, { disk });
  };
  registry.onScrape(
    seldom(clock, async () => {
      const deadline = clock.deadline(CHAIN_PATIENCE, 'asking a chain for its metrics');
      try {
        for (const chain of chains) tell(await chain.status(deadline.signal));
      } finally {
        deadline.release();
      }
    }),
  );
}

const SENSOR_PATIENCE = seconds(2);
const MOST_SENSORS = 64;

/** Base units, as Prometheus wants them. */
const MEASURED = {
  temperature: { name: 'nightshift_sensor_celsius', help: 'Temperatures, by the board.', per: 1000 },
  voltage: { name: 'nightshift_sensor_volts', help: 'Voltages, by the board.', per: 1000 },
  fan: { name: 'nightshift_sensor_fan_rpm', help: 'Turns of a fan in a minute, by the board.', per: 1 },
} as const;
type Measured = keyof typeof MEASURED;

const isMeasured = (channel: Channel): channel is Channel & { readonly kind: Measured } =>
  channel.readable && Object.hasOwn(MEASURED, channel.kind);

function addSensors(registry: Registry, { io, clock }: HardwareFacts): void {
  const gauges = Object.fromEntries(
    Object.entries(MEASURED).map(([kind, { name, help }]) => [kind, registry.gauge(name, help, ['sensor'])]),
  ) as Record<Measured, Gauge>;
  const well = registry.gauge(
    'nightshift_sensor_well',
    '0 where a sensor gives no number, or one that the board calls not well.',
    ['sensor'],
  );
  if (io === undefined) return;
  const sensors = io.channels().filter(isMeasured).slice(0, MOST_SENSORS);
  const read = async ({ name: sensor, kind, low, high }: (typeof sensors)[number]): Promise<void> => {
    const value = await readNumber(io, clock, sensor);
    well.set(value !== undefined && value >= (low ?? value) && value <= (high ?? value) ? 1 : 0, { sensor });
    gauges[kind].set(value === undefined ? Number.NaN : value / MEASURED[kind].per, { sensor });
  };
  registry.onScrape(
    seldom(clock, async () => {
      await Promise.all(sensors.map(read));
    }),
  );
}

/** Undefined where it fails, or takes too long. */
function readNumber(io: IoDevices, clock: Clock, sensor: string): Promise<number | undefined> {
  const deadline = clock.deadline(SENSOR_PATIENCE, sensor);
  const over = new Promise<undefined>((resolve) => {
    deadline.signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  return Promise.race([io.read(sensor, deadline.signal), over])
    .then(
      (value) => (typeof value === 'number' ? value : undefined),
      () => undefined,
    )
    .finally(() => deadline.release());
}
