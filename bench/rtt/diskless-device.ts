import { systemEntropy } from '../../src/adapters/entropy.ts';
import { silentLog } from '../../src/adapters/log.ts';
import { MqttBus } from '../../src/adapters/mqtt/mqtt-bus.ts';
import { SimHost } from '../../src/adapters/sim/host.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { Agent, agentBlocks, offlineWill } from '../../src/agent/index.ts';
import { allow, hours, NsError } from '../../src/base/index.ts';
import { Custody, Lockout, PowerWatch } from '../../src/bmc/index.ts';
import type { KeyStore, StateStore, VolumeEditor } from '../../src/ports/index.ts';
import { AuditLog, Budget, Freshness, Keyring, openOrder } from '../../src/security/index.ts';
import { Desk, Journal, TASKS, TaskTable } from '../../src/tasks/index.ts';

const noDisks = () => Promise.reject(new NsError('NS_INTERNAL', 'no disks', { family: 'bug' }));
const noEditor: VolumeEditor = {
  capabilities: { types: [], unusable: 'this device has no disks' },
  edit: noDisks,
  check: noDisks,
  replay: noDisks,
};

export interface DisklessOptions {
  readonly name: string;
  readonly tenant: string;
  readonly url: string;
  /** Public key of the one operator in its keyring. */
  readonly operator: string;
  readonly keyStore: KeyStore;
  readonly store: StateStore;
  /** Of each of the journal's two regions. */
  readonly journalBytes: number;
  /** Entries that the audit log keeps. */
  readonly auditSlots?: number;
}

/** A whole device but for its disks: bus, intake, desk, keyring, budget, audit log and journal. Resolves when it is connected. */
export async function startDiskless(options: DisklessOptions): Promise<void> {
  const { name, tenant, url, operator, keyStore, store } = options;
  const identity = {
    tenant,
    device: name,
    groups: [],
    board: 'bench',
    version: '0',
    boot: systemEntropy.randomBytes(16),
  };
  const keyring = new Keyring([{ name: 'olga', role: 'operator', key: operator }]);
  const clock = systemClock;
  const log = silentLog;
  const power = new PowerWatch(new SimHost({ clock, state: 'S5' }));
  const custody = new Custody({ power, drives: [], clock, log });
  const lockout = new Lockout({ store, power, custody, clock, log });
  await lockout.reassert();
  const freshness = new Freshness({ nonceKey: systemEntropy.randomBytes(32) });
  const journal = await Journal.open(store, options.journalBytes, freshness, 1);
  const vitals = () => ({ power: 'S5', lock: 'enabled' }) as const;
  const bus = new MqttBus(
    {
      broker: { url },
      clientId: name,
      will: () => offlineWill({ clock, identity, vitals }, keyStore),
    },
    clock,
    systemEntropy,
    log,
  );
  const blocks = agentBlocks(bus, identity);
  const desk = new Desk({
    services: {
      identity,
      clock,
      log,
      store,
      audit: await AuditLog.open(
        store,
        options.auditSlots === undefined ? {} : { slots: options.auditSlots },
      ),
      power,
      budget: await Budget.open({
        store,
        tenant,
        device: name,
        keyring,
        initial: { lock: 0, wipe: 0 },
        raiseDelay: hours(24),
        plain: 0,
      }),
      custody,
      lockout,
      switches: [],
      editor: noEditor,
      blocks,
      protectedPaths: [],
      tasks: new TaskTable(),
      limits: { stagedFile: 0 },
      startedAt: clock.monotonic(),
    },
    journal,
    freshness,
    keyStore,
    registry: TASKS,
    reopen: (packet) => {
      const opened = openOrder(packet, keyring, { tenant });
      if (!opened.ok) return opened;
      const { order, packetHash, signer } = opened.value;
      return allow({ order, packet, packetHash, issuer: signer });
    },
    maxRunning: 4,
    maxOpen: 32,
    onFatal: (error) => {
      throw error;
    },
  });
  const agent = new Agent({
    audit: () => {},
    bus,
    clock,
    entropy: systemEntropy,
    keyStore,
    keyring,
    desk,
    log,
    identity,
    blocks,
    tokens: { hear: async () => 'refused', told: () => [], onNews: () => () => undefined },
    vitals,
    giveNonce: () => freshness.giveNonce(clock.monotonic()),
    timeFor: () => clock.wallSeconds(),
  });
  const up = new Promise<void>((resolve) => {
    bus.onState((state) => state.is === 'up' && resolve());
  });
  await agent.start();
  await up;
}
