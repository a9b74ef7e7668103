import type { Registry } from '../../adapters/metrics/registry.ts';
import type { Agent } from '../../agent/index.ts';
import type { Clock, PowerState, StateStore } from '../../ports/index.ts';
import type { AuditLog, Budget } from '../../security/index.ts';
import type { Journal, SignedTime, TaskServices, TaskTable } from '../../tasks/index.ts';
import { addHardware, type HardwareFacts } from './metrics-hardware.ts';

/** What is looked at for a scrape. Looking changes nothing. */
export interface DeviceFacts extends HardwareFacts {
  readonly clock: Clock;
  readonly store: Pick<StateStore, 'free'>;
  readonly vitals: () => { readonly power: PowerState; readonly lock: 'enabled' | 'disabled' };
  readonly audit: Pick<AuditLog, 'head'>;
  readonly budget: Pick<Budget, 'status'>;
  readonly journal: Pick<Journal, 'usage'>;
  readonly tasks: Pick<TaskTable, 'counts'>;
  readonly staged?: TaskServices['staged'];
  readonly agent: Pick<Agent, 'counts'>;
  readonly time: Pick<SignedTime, 'surely'>;
  readonly byNeighbour?: (() => boolean) | undefined;
}

const POWER: readonly PowerState[] = ['S0', 'S3', 'S4', 'S5', 'G3', 'unknown'];
export function addDeviceFacts(registry: Registry, facts: DeviceFacts): void {
  addWork(registry, facts);
  addMachine(registry, facts);
  addTrust(registry, facts);
  addHardware(registry, facts);
}

function addWork(
  registry: Registry,
  { journal, tasks, staged: waiting, agent, store, byNeighbour }: DeviceFacts,
): void {
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
  const staged = registry.gauge('nightshift_staged_orders', 'Orders that wait on the device for their host.');
  const kept = registry.gauge('nightshift_staged_bytes', 'Own storage that their contents take.');
  const free = registry.gauge('nightshift_state_free_bytes', 'Bytes that own storage still has room for.');
  const undelivered = registry.counter(
    'nightshift_outbox_undelivered_total',
    'Answers and receipts that found no room on their way to the broker; receipts go later.',
  );
  const silenced = registry.counter(
    'nightshift_packets_silenced_total',
    'Packets that got no answer, because too many were to be answered.',
  );
  const fallback = registry.gauge(
    'nightshift_relay_by_neighbour',
    '1 while the own network is dead and neighbours in the chain carry orders and receipts.',
  );
  registry.onScrape(async () => {
    const { running: atWork, queued } = tasks.counts();
    running.set(atWork, { state: 'running' });
    running.set(queued, { state: 'queued' });
    staged.set(waiting?.rows().length ?? 0);
    kept.set(waiting?.room.used ?? 0);
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
