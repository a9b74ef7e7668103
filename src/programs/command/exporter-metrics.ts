import type { Registry } from '../../adapters/metrics/registry.ts';
import { REFUSALS } from '../../base/index.ts';
import type { FleetView, HostView, SeenEvent } from '../../fleet/index.ts';
import type { PowerState } from '../../ports/index.ts';
import { VERBS } from '../../protocol/index.ts';

/** Of a metric that has a series for each host, where somebody asked for that. */
const MOST_HOSTS = 20_000;
const ORDER_SECONDS = [0.01, 0.05, 0.25, 1, 5, 30, 120, 600, 3600];
const STATES: readonly HostView['state'][] = ['online', 'silent', 'offline', 'never'];
const POWER: readonly PowerState[] = ['S0', 'S3', 'S4', 'S5', 'G3', 'unknown'];
/** Cumulative, as the buckets of a histogram. */
const AGES = [60, 300, 3600, 86_400];
const OTHER = 'other';
/** Of codes with their outcomes, for each device: none takes the room of the others. */
const MOST_CODES = 16;

/** A device says what it likes: only what this program knows becomes a label. */
const verbLabel = (verb: string): string => (Object.hasOwn(VERBS, verb) ? verb : OTHER);
const refusalLabel = (code: string): string => (Object.hasOwn(REFUSALS, code) ? code : OTHER);
/** Of failures there is no list here. */
const codeLabel = (code: string): string => (/^NS_[A-Z0-9_]{1,40}$/.test(code) ? code : refusalLabel(code));
const wordLabel = (word: string): string => (/^[\w.+-]{1,32}$/.test(word) ? word : OTHER);

/** What is counted of the codes that devices bring. */
class CodeLabels {
  readonly #brought = new Map<string, Set<string>>();

  of(host: string, outcome: string, code: string): string {
    const label = codeLabel(code);
    const known = this.#brought.get(host) ?? new Set();
    this.#brought.set(host, known);
    const key = `${outcome} ${label}`;
    if (known.size >= MOST_CODES && !known.has(key)) return OTHER;
    known.add(key);
    return label;
  }
}

/** Counts what the devices say. */
export function fleetCounters(registry: Registry): (event: SeenEvent) => void {
  const receipts = registry.counter('nightshift_fleet_receipts_total', 'Receipts that were seen.', [
    'verb',
    'outcome',
  ]);
  const codes = registry.counter(
    'nightshift_fleet_codes_total',
    'Codes of receipts that say refused, failed, cancelled, expired or unknown.',
    ['outcome', 'code'],
  );
  const rejections = registry.counter(
    'nightshift_fleet_rejections_total',
    'Packets that a device did not take as an order.',
    ['code'],
  );
  const durations = registry.histogram(
    'nightshift_fleet_order_duration_seconds',
    'How long orders took, as their receipts say.',
    ORDER_SECONDS,
    ['verb'],
  );
  const restarts = registry.counter(
    'nightshift_fleet_restarts_total',
    'Times that a device began a new boot.',
  );
  const shrunk = registry.counter(
    'nightshift_fleet_audit_shrunk_total',
    'Times that a device told of fewer audit entries than before: its log was cut, or an older state put back.',
  );
  const ignored = registry.counter(
    'nightshift_fleet_ignored_total',
    "Packets on a device's topic that the device has not signed.",
  );
  // What alerts are for is there from the start: the first that is ever counted would not show as an increase.
  for (const verb of [...Object.keys(VERBS), OTHER]) {
    for (const outcome of ['failed', 'unknown']) receipts.add({ verb, outcome }, 0);
  }
  receipts.add({ verb: 'machine.disable', outcome: 'succeeded' }, 0);
  const labels = new CodeLabels();
  return (event) => {
    switch (event.is) {
      case 'receipt': {
        const verb = verbLabel(event.verb);
        receipts.add({ verb, outcome: event.outcome });
        durations.observe(event.tookMs / 1000, { verb });
        if (event.code !== undefined) {
          const code = labels.of(event.host, event.outcome, event.code);
          codes.add({ outcome: event.outcome, code });
        }
        return;
      }
      case 'rejected':
        rejections.add({ code: refusalLabel(event.code) });
        return;
      case 'restarted':
        restarts.add();
        return;
      case 'audit-shrunk':
        shrunk.add();
        return;
      case 'ignored':
        ignored.add();
        return;
    }
  };
}

/** Looks at the fleet at each scrape. */
export function fleetGauges(registry: Registry, view: FleetView, perHost: boolean): void {
  const hosts = registry.gauge('nightshift_fleet_hosts', 'Hosts, by whether their device is heard.', [
    'state',
  ]);
  const seen = registry.gauge(
    'nightshift_fleet_hosts_seen',
    'Hosts whose device was heard within so many seconds.',
    ['within'],
  );
  const oldest = registry.gauge(
    'nightshift_fleet_oldest_seen_age_seconds',
    'Of the devices that were heard and said no goodbye: since the one that is silent longest was heard.',
  );
  const power = registry.gauge(
    'nightshift_fleet_hosts_power',
    'Hosts that are heard, by their power state.',
    ['state'],
  );
  const disabled = registry.gauge(
    'nightshift_fleet_hosts_disabled',
    'Hosts whose device last said that it is disabled.',
  );
  const versions = registry.gauge(
    'nightshift_fleet_hosts_version',
    'Hosts by the firmware and the board of their device.',
    ['version', 'board'],
  );
  const orders = registry.gauge(
    'nightshift_fleet_orders_in_flight',
    'Orders that were accepted and have no receipt.',
    ['state'],
  );
  const tell = perHost ? perHostGauges(registry) : undefined;
  registry.onScrape(() => {
    const all = [...view.hosts()];
    const count = (which: (host: HostView) => boolean): number => all.filter(which).length;
    const heard = all.filter(({ state }) => state === 'online' || state === 'silent');
    for (const state of STATES)
      hosts.set(
        count((host) => host.state === state),
        { state },
      );
    for (const age of AGES) {
      seen.set(
        count((host) => (host.age ?? Number.POSITIVE_INFINITY) <= age * 1000),
        { within: String(age) },
      );
    }
    oldest.set(heard.reduce((most, { age = 0 }) => Math.max(most, age), 0) / 1000);
    for (const state of POWER) power.set(heard.filter((host) => host.power === state).length, { state });
    disabled.set(count((host) => host.disabled));
    versions.clear();
    for (const { version, board } of all) {
      if (version !== '') versions.add(1, { version: wordLabel(version), board: wordLabel(board) });
    }
    const sum = (of: (host: HostView) => number): number => all.reduce((total, host) => total + of(host), 0);
    orders.set(
      sum(({ running }) => running),
      { state: 'running' },
    );
    orders.set(
      sum(({ staged }) => staged),
      { state: 'staged' },
    );
    tell?.(all);
  });
}

function perHostGauges(registry: Registry): (all: readonly HostView[]) => void {
  const up = registry.gauge(
    'nightshift_host_up',
    '1 while the device of the host is heard.',
    ['host'],
    MOST_HOSTS,
  );
  const age = registry.gauge(
    'nightshift_host_seen_age_seconds',
    'Since the device of the host was heard; not there where it never was.',
    ['host'],
    MOST_HOSTS,
  );
  const disabled = registry.gauge(
    'nightshift_host_disabled',
    '1 while the device says that it is disabled.',
    ['host'],
    MOST_HOSTS,
  );
  const awake = registry.gauge(
    'nightshift_host_awake',
    '1 while the host is in S0, as its device says.',
    ['host'],
    MOST_HOSTS,
  );
  return (all) => {
    for (const host of all) {
      const labels = { host: host.name };
      up.set(host.state === 'online' ? 1 : 0, labels);
      if (host.age !== undefined) age.set(host.age / 1000, labels);
      disabled.set(host.disabled ? 1 : 0, labels);
      awake.set(host.power === 'S0' ? 1 : 0, labels);
    }
  };
}
