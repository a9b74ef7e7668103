import { openFileStateStore } from '../../adapters/file-state-store.ts';
import { holdAlone } from '../../adapters/single-instance.ts';
import { systemClock } from '../../adapters/system-clock.ts';
import { asNsError, MiB, milliseconds, refusal } from '../../base/index.ts';
import {
  ChassisOrders,
  Custody,
  type DriveLocks,
  LockGuard,
  LockKeeper,
  Lockout,
  PowerWatch,
  WakeInterlock,
} from '../../bmc/index.ts';
import type { HostUart } from '../../console/index.ts';
import type { Clock, KeyStore, LogSink, MeasureSink, PowerState, StateStore } from '../../ports/index.ts';
import { AuditLog } from '../../security/index.ts';
import { note, RevertNotes } from './bmc-audit.ts';
import type { BoardParts } from './board.ts';
import type { openBoard } from './board-parts.ts';
import type { AgentConfig } from './config.ts';
import type { DeviceDriveLocks } from './drive-locks.ts';
import { finishCutOffChanges, openDeviceKey } from './parts.ts';

/** What the journal, the redo logs, the audit log and the lock may take together, beside staged files. */
const OWN_MIB = 128;

/** The machine as one thing: its board, who has its disks, and whether it is disabled. */
export interface Machine {
  readonly clock: Clock;
  readonly store: Awaited<ReturnType<typeof openFileStateStore>>;
  readonly keyStore: KeyStore;
  readonly board: BoardParts;
  readonly power: PowerWatch;
  readonly custody: Custody;
  readonly lockout: Lockout;
  readonly audit: AuditLog;
  /** The locks that this device gave to drives; absent where it never gave any. */
  readonly driveLocks?: DriveLocks;
  /** Where the board can drive its host. */
  readonly chassis?: ChassisOrders;
  /** The host's console, where the device has one of its own to join it from. */
  readonly hostConsole?: { readonly uart: HostUart; readonly escapeKey: string };
  /** Gives the disks back, unless they are held. */
  letGo(): Promise<void>;
  /** The board, after everything that uses it. */
  close(): Promise<void>;
}

/** In this order: the lock is in force, and a change that was cut off is finished, before anybody can ask for a disk. */
export async function openMachine(
  boardName: string,
  config: AgentConfig,
  log: LogSink,
  open: typeof openBoard,
  clock: Clock = systemClock,
  measures?: MeasureSink,
  settle: (store: StateStore) => Promise<void> = async () => {},
): Promise<Machine> {
  const keyStore = await openDeviceKey(config.state);
  const release = await holdAlone(config.state);
  const store = await openFileStateStore(config.state, { quota: (OWN_MIB + config.limits.stagingMiB) * MiB });
  await settle(store);
  const audit = await AuditLog.open(store);
  const { base, sim, qemu, linux } = config;
  const board = await open(boardName, { clock, store, log, base, sim, qemu, linux });
  const ipmi = config.hostPower?.ipmi;
  const fused = ipmi && (await (await import('./power.ts')).withIpmi(board.power, ipmi, clock, log));
  const power = new PowerWatch(fused?.power ?? board.power);
  const { switches, linger } = board;
  const custody = new Custody({ power, drives: switches, clock, log, measures, ...(linger && { linger }) });
  const { control, chains = [] } = board;
  const boot = fused?.boot ?? board.boot;
  const witness = config.lockWitness ? await openWitness(config.lockWitness, log) : undefined;
  const driveLocks = await driveLocksOf(config, board, { store, witness, clock, log });
  const lockout = new Lockout({
    store,
    power,
    custody,
    clock,
    log,
    canSwitchOff: control !== undefined,
    chains: chains.map(({ disk }) => disk),
    ...(boot === undefined ? {} : { boot }),
    ...(witness ? { witness } : {}),
    ...(driveLocks ? { driveLocks } : {}),
    onEnforced: () => guard?.look(),
  });
  const interlock = new WakeInterlock({
    power,
    custody,
    clock,
    log,
    mayWake: () => lockout.enabled,
    settle: milliseconds(board.description.wakeSettleMs),
  });
  const reverted = new RevertNotes(clock);
  const noteReverted = (state: PowerState): void => {
    const entry = reverted.take(state);
    if (entry !== undefined) note({ audit, clock }, log, entry);
  };
  const guard =
    control &&
    new LockGuard({
      // A BMC that is asked beside the board may lie, or be silent: what the board itself sees is enough to switch off.
      power: board.power,
      control,
      lockout,
      clock,
      log,
      onReverted: ({ state }) => noteReverted(state),
    });
  interlock.start();
  await lockout.reassert();
  guard?.start();
  const keeper = new LockKeeper({
    lockout,
    clock,
    log,
    onSlipped: (level, heldAgain) =>
      note({ audit, clock }, log, {
        event: 'lock.slipped',
        detail: `level ${level}, ${heldAgain ? 'held again' : 'and it cannot be held now'}`,
      }),
  });
  keeper.start();
  await finishCutOffChanges(store, custody, log);
  await custody.start();
  return {
    clock,
    store,
    keyStore,
    board,
    power,
    custody,
    lockout,
    audit,
    ...(driveLocks ? { driveLocks } : {}),
    ...(control === undefined
      ? {}
      : { chassis: new ChassisOrders({ control, power, lockout, interlock, clock, log }) }),
    letGo: async () => {
      guard?.stop();
      await keeper.stop();
      if (lockout.enabled) await custody.handBack(refusal('CUSTODY_UNAVAILABLE', 'The agent is stopping.'));
    },
    close: async () => {
      interlock.stop();
      power.close();
      await fused?.close();
      await board.close();
      await release();
    },
  };
}

/** Where they are wanted, or were wanted once: a drive that was armed then must be opened. */
async function driveLocksOf(
  { lock }: AgentConfig,
  { security = [] }: BoardParts,
  rest: Pick<DeviceDriveLocks, 'store' | 'witness' | 'clock' | 'log'>,
): Promise<DriveLocks | undefined> {
  const arms = lock?.driveSecurity === true;
  if (!arms && (await rest.store.names('drive-lock-')).length === 0) return undefined;
  const { openDriveLocks } = await import('./drive-locks.ts');
  return openDriveLocks({ ...rest, drives: security, arms });
}

/** A medium that is not there keeps no device from starting: it says so, and holds what its own storage says. */
async function openWitness(directory: string, log: LogSink): Promise<StateStore | undefined> {
  try {
    return await openFileStateStore(directory);
  } catch (error) {
    log.log('error', 'lock.witness-failed', { error: asNsError(error).message });
    return undefined;
  }
}
