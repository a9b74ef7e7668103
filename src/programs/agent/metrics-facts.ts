import type { Registry } from '../../adapters/metrics/registry.ts';
import type { Agent } from '../../agent/index.ts';
import { milliseconds, seconds } from '../../base/index.ts';
import type { Custody } from '../../bmc/index.ts';
import type { Clock, PowerState, StateStore, SwitchPosition } from '../../ports/index.ts';
import type { ChainControl, ChainReport } from '../../sata-chain/index.ts';
import type { AuditLog, Budget } from '../../security/index.ts';
import type { Journal, SignedTime, TaskTable } from '../../tasks/index.ts';

/** What is looked at for a scrape. Looking changes nothing. */
export interface DeviceFacts {
  readonly clock: Clock;
  readonly store: Pick<StateStore, 'free'>;
  readonly custody: Pick<Custody, 'report' | 'closedBy'>;
  readonly vitals: () => { readonly power: PowerState; readonly lock: 'enabled' | 'disabled' };
  readonly audit: Pick<AuditLog, 'head'>;
  readonly budget: Pick<Budget, 'status'>;
  readonly journal: Pick<Journal, 'usage'>;
  readonly tasks: Pick<TaskTable, 'counts'>;
  readonly agent: Pick<Agent, 'counts'>;
  readonly time: Pick<SignedTime, 'surely'>;
  readonly chains?: readonly ChainControl[] | undefined;
  readonly byNeighbour?: (() => boolean) | undefined;
}

const POWER: readonly PowerState[] = ['S0', 'S3', 'S4', 'S5', 'G3', 'unknown'];
const POSITIONS: readonly SwitchPosition[] = ['host', 'ours', 'held', 'unknown'];
/** A drive switch or a chain is asked this often at most, whoever scrapes. */
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

export function addDeviceFacts(registry: Registry, facts: DeviceFacts): void {
  addWork(registry, facts);
  addMachine(registry, facts);
  addTrust(registry, facts);
  for (const add of [addDisks, addChains]) add(registry, facts);
}

function addWork(registry: Registry, { journal, tasks, agent, store, byNeighbour }: DeviceFacts): void {
  const running = registry.gauge('nightshift_tasks', 'Tasks that have not ended.', ['state']);
  const bytes = registry.gauge(
    'nightshift_journal_bytes',
    'Bytes of the journal in use; it is compacted when it is full.',
  );
  const capacity = registry.gauge(
    'nightshift_journal_capacity_bytes',
    'Bytes that the journal has room for.',
  );
  const orders = registry.gauge('nightshift_journal_orders', 'Orders that the journal knows.', ['state']);
  const free = registry.gauge('nightshift_state_free_bytes', 'Bytes that own storage still has room for.');
  const undelivered = registry.counter(
    'nightshift_outbox_undelivered_total',
    'Answers and receipts that found no room on their way to the broker; receipts go later.',
  );
  const silenced = registry.counter(
    'nightshift_packets_silenced_total',
    'Packets that are not authentic and were refused without an answer, being too many.',
  );
  const fallback = registry.gauge(
    'nightshift_relay_by_neighbour',
    '1 while the own network is dead and neighbours in the chain carry orders and receipts.',
  );
  registry.onScrape(async () => {
    const { running: atWork, queued } = tasks.counts();
    running.set(atWork, { state: 'running' });
    running.set(queued, { state: 'queued' });
    const usage = journal.usage;
    bytes.set(usage.bytes);
    capacity.set(usage.capacity);
    orders.set(usage.open, { state: 'open' });
    orders.set(usage.orders - usage.open, { state: 'ended' });
    undelivered.setTo(agent.counts.undelivered);
    silenced.setTo(agent.counts.silenced);
    fallback.set(byNeighbour?.() === true ? 1 : 0);
    free.set(await store.free());
  });
}

function addMachine(registry: Registry, { vitals, audit }: DeviceFacts): void {
  const power = registry.gauge('nightshift_power_state', "The host's power state: 1 for the one it is in.", [
    'state',
  ]);
  const disabled = registry.gauge('nightshift_machine_disabled', '1 while the machine is disabled.');
  const entries = registry.counter(
    'nightshift_audit_entries_total',
    'Entries that the audit log has had in its life.',
  );
  registry.onScrape(() => {
    const { power: state, lock } = vitals();
    power.setState('state', POWER, state);
    disabled.set(lock === 'disabled' ? 1 : 0);
    entries.setTo(audit.head.seq);
  });
}

function addTrust(registry: Registry, { budget, time, clock }: DeviceFacts): void {
  const left = registry.gauge(
    'nightshift_budget_tokens_left',
    'Destructive orders for which the newest epoch that is known here still has room, the whole fleet together.',
    ['kind'],
  );
  const damaged = registry.gauge(
    'nightshift_budget_damaged',
    '1 where the stored budget was not whole: no destructive order is obeyed until two people give a new one.',
  );
  const forked = registry.gauge(
    'nightshift_budget_forked_epochs',
    'Epochs in which one number was given out twice.',
  );
  const surely = registry.gauge(
    'nightshift_clock_surely_timestamp_seconds',
    'A time that has surely passed, whatever the wall clock says.',
  );
  const behind = registry.gauge(
    'nightshift_clock_wall_behind_seconds',
    'How far the wall clock is behind a time that has surely passed: above 0, it is wrong.',
  );
  registry.onScrape(() => {
    const { inForce, used, damaged: broken, forked: forks } = budget.status();
    for (const kind of ['lock', 'wipe'] as const) left.set(Math.max(0, inForce[kind] - used[kind]), { kind });
    damaged.set(broken ? 1 : 0);
    forked.set(forks.length);
    const passed = time.surely();
    surely.set(passed);
    behind.set(Math.max(0, passed - clock.wallSeconds()));
  });
}

function addDisks(registry: Registry, { custody, clock }: DeviceFacts): void {
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

function addChains(registry: Registry, { chains = [], clock }: DeviceFacts): void {
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
