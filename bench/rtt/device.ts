import { join } from 'node:path';
import { systemEntropy } from '../../src/adapters/entropy.ts';
import { openFileStateStore } from '../../src/adapters/file-state-store.ts';
import { silentLog } from '../../src/adapters/log.ts';
import { MqttBus } from '../../src/adapters/mqtt/mqtt-bus.ts';
import { SimHost } from '../../src/adapters/sim/host.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { Agent, agentBlocks, offlineWill } from '../../src/agent/index.ts';
import { allow, hours, NsError } from '../../src/base/index.ts';
import { Custody, Lockout, PowerWatch } from '../../src/bmc/index.ts';
import type { BlockDevice, StateStore, VolumeEditor } from '../../src/ports/index.ts';
import { AuditLog, Budget, Freshness, Keyring, openOrder, publicKeyText } from '../../src/security/index.ts';
import { Desk, Journal, TASKS, TaskTable } from '../../src/tasks/index.ts';
import { testKey } from '../../test/kit/keys.ts';
import { TENANT } from './tenant.ts';

/** Milliseconds that each flush of the journal took. */
const flushes: number[] = [];

/** The same store with the flushes of its regions timed, or left out. */
function withFlush(store: StateStore, flush: 'timed' | 'none'): StateStore {
  const wrap = (device: BlockDevice): BlockDevice => ({
    name: device.name,
    capabilities: device.capabilities,
    read: (offset, into) => device.read(offset, into),
    write: (offset, data) => device.write(offset, data),
    flush: async () => {
      if (flush === 'none') return;
      const begin = performance.now();
      await device.flush();
      flushes.push(performance.now() - begin);
    },
    trim: (offset, length) => device.trim(offset, length),
    close: () => device.close(),
  });
  return {
    readDocument: (name) => store.readDocument(name),
    writeDocument: (name, bytes) => store.writeDocument(name, bytes),
    region: async (name, size) => wrap(await store.region(name, size)),
    remove: (name) => store.remove(name),
    names: (prefix) => store.names(prefix),
    stagedFile: (name, size) => store.stagedFile(name, size),
    free: () => store.free(),
  };
}

const noDisks = () => Promise.reject(new NsError('NS_INTERNAL', 'no disks', { family: 'bug' }));
const noEditor: VolumeEditor = {
  capabilities: { types: [], unusable: 'this device has no disks' },
  edit: noDisks,
  check: noDisks,
  replay: noDisks,
};

/** A whole device but for its disks: bus, intake, desk, journal on a real directory. */
async function startDevice(
  name: string,
  url: string,
  directory: string,
  operator: string,
  flush: 'timed' | 'none',
) {
  const identity = {
    tenant: TENANT,
    device: name,
    groups: [],
    board: 'bench',
    version: '0',
    boot: systemEntropy.randomBytes(16),
  };
  const keyStore = testKey();
  const keyring = new Keyring([{ name: 'olga', role: 'operator', key: operator }]);
  const clock = systemClock;
  const log = silentLog;
  const store = withFlush(await openFileStateStore(join(directory, name)), flush);
  const power = new PowerWatch(new SimHost({ clock, state: 'S5' }));
  const custody = new Custody({ power, drives: [], clock, log });
  const lockout = new Lockout({ store, power, custody, clock, log });
  await lockout.reassert();
  const freshness = new Freshness({ nonceKey: systemEntropy.randomBytes(32) });
  const journal = await Journal.open(store, 8 << 20, freshness, 1);
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
      audit: await AuditLog.open(store),
      power,
      budget: await Budget.open({
        store,
        tenant: TENANT,
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
      const opened = openOrder(packet, keyring, { tenant: TENANT });
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
  return publicKeyText(keyStore.publicKey);
}

if (process.send !== undefined) {
  const [url, directory, operator] = process.argv.slice(2) as [string, string, string];
  const synced = await startDevice('synced', url, directory, operator, 'timed');
  const unsynced = await startDevice('unsynced', url, directory, operator, 'none');
  process.on('message', () => process.send?.({ flushes: flushes.splice(0) }));
  process.send({ synced, unsynced });
}
