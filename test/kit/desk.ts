import { milliseconds, type NsError, seconds } from '../../src/base/index.ts';
import type { KeyStore, StateStore, VolumeEditor } from '../../src/ports/index.ts';
import type { Order, Receipt } from '../../src/protocol/index.ts';
import { AuditLog, Budget, Freshness, openEvent, openOrder, signOrder } from '../../src/security/index.ts';
import type { AdmittedOrder, TaskEvent } from '../../src/tasks/desk.ts';
import type { OrderStanding } from '../../src/tasks/desk-options.ts';
import { Journal } from '../../src/tasks/journal/index.ts';
import type { TaskServices } from '../../src/tasks/services.ts';
import { openStaged } from '../../src/tasks/staged/open.ts';
import type { TaskRegistry } from '../../src/tasks/task.ts';
import { Desk } from '../../src/tasks/task-desk.ts';
import { TaskTable } from '../../src/tasks/task-table.ts';
import { TestGovernor } from './governor.ts';
import { testKey, testKeyring } from './keys.ts';
import { machineBench } from './machine.ts';
import { MemoryState } from './memory-state.ts';
import { testOrder } from './orders.ts';

const NO_EDITOR: VolumeEditor = {
  capabilities: { types: [], unusable: 'not part of this test' },
  edit: () => Promise.reject(new Error('not part of this test')),
  check: () => Promise.reject(new Error('not part of this test')),
  replay: () => Promise.reject(new Error('not part of this test')),
};

export interface DeskBenchOptions {
  readonly registry: TaskRegistry;
  /** Own storage; pass the one of an earlier bench to start again on it. */
  readonly store?: StateStore;
  readonly keys?: DeskKeys;
  readonly maxRunning?: number;
  readonly maxOpen?: number;
  readonly journalSize?: number;
  /** Whether orders that were taken earlier may still be obeyed; all may where absent. */
  readonly stands?: OrderStanding;
}

export interface DeskKeys {
  readonly device: KeyStore;
  readonly operator: KeyStore;
  /** Another person, who signs what takes two. */
  readonly other: KeyStore;
  /** Signs a token for each destructive order. */
  readonly governor: TestGovernor;
}

const TENANT = 'test';

export const deskKeys = (): DeskKeys => ({
  device: testKey(),
  operator: testKey(),
  other: testKey(),
  governor: new TestGovernor(TENANT),
});

let session = 0;
const nextSession = () => {
  session += 1;
  return session;
};

/** A desk over simulated parts and a registry of the test's own, as one start of an agent. */
export async function deskBench(options: DeskBenchOptions) {
  const store = options.store ?? new MemoryState();
  const { device, operator, other, governor } = options.keys ?? deskKeys();
  const keyring = testKeyring({
    olga: [operator, 'operator'],
    otto: [other, 'operator'],
    gov: [governor.key, 'governor'],
  });
  const machine = machineBench({ store, disks: 0 });
  const { clock, power, custody, lockout } = machine;
  await lockout.reassert();
  const freshness = new Freshness({ nonceKey: new Uint8Array(32).fill(1) });
  const journal = await Journal.open(store, options.journalSize ?? 1024 * 1024, freshness, nextSession());
  const fatal: NsError[] = [];
  const staged = await openStaged({
    store,
    clock,
    power,
    log: { log: () => {} },
    bytes: 1024 * 1024,
    onFatal: (error) => fatal.push(error),
  });
  const services: TaskServices = {
    identity: {
      tenant: TENANT,
      device: 'host1',
      groups: [],
      board: 'sim-host',
      version: 'test',
      boot: new Uint8Array(16),
    },
    clock,
    log: { log: () => {} },
    store,
    audit: await AuditLog.open(store, { slots: 16 }),
    power,
    budget: await Budget.open({
      store,
      tenant: TENANT,
      device: 'host1',
      keyring,
      initial: { lock: 10, wipe: 10 },
      raiseDelay: seconds(3600),
      plain: 256,
    }),
    custody,
    lockout,
    switches: [],
    editor: NO_EDITOR,
    blocks: { send: () => Promise.resolve(), onMessage: () => () => {} },
    protectedPaths: [],
    tasks: new TaskTable(),
    staged,
    limits: { stagedFile: 1024 * 1024 },
    startedAt: clock.monotonic(),
  };
  const admit = (packet: Uint8Array): AdmittedOrder => {
    const opened = openOrder(packet, keyring, { tenant: TENANT });
    if (!opened.ok) throw new Error(`${opened.refusal.code}: ${opened.refusal.sentence}`);
    const { order, packetHash, signer, cosigners } = opened.value;
    return { order, packet, packetHash, issuer: signer, cosigners };
  };
  const desk = new Desk({
    services,
    journal,
    freshness,
    keyStore: device,
    registry: options.registry,
    reopen: (packet) => ({ ok: true, value: admit(packet) }),
    ...(options.stands === undefined ? {} : { stands: options.stands }),
    maxRunning: options.maxRunning ?? 4,
    maxOpen: options.maxOpen ?? 8,
    onFatal: (error) => fatal.push(error),
  });
  const events: TaskEvent[] = [];
  desk.onEvent((event) => events.push(event));

  const receiptOf = (packet: Uint8Array): Receipt => {
    const opened = openEvent(packet, device.publicKey, { tenant: TENANT });
    if (!opened.ok || opened.value.event !== 'receipt') throw new Error('not a receipt');
    return opened.value;
  };
  /** Well formed, with a token where it needs one; with these fields changed. */
  const order = async (change: Record<string, unknown> = {}): Promise<AdmittedOrder> => {
    const { token: given, ...body } = testOrder(operator, change);
    const token = 'token' in change ? given : await governor.tokenFor(body as Order);
    const whole = { ...body, ...(token === undefined ? {} : { token }) } as Order;
    return admit(await signOrder(whole, operator, TENANT, [other]));
  };
  const receipts = (): Receipt[] =>
    events.flatMap((event) => (event.kind === 'receipt' ? [receiptOf(event.packet)] : []));
  /** Lets everything that is due happen. */
  const settle = (time = milliseconds(50)) => clock.advance(time);
  const submit = (admitted: AdmittedOrder) => clock.settle(desk.submit(admitted), seconds(60));
  return {
    ...machine,
    desk,
    freshness,
    services,
    journal,
    events,
    fatal,
    receipts,
    receiptOf,
    order,
    submit,
    settle,
    store,
    keys: { device, operator, other, governor },
  };
}
