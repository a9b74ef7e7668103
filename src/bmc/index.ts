export { WARNINGS } from './absence.ts';
export {
  ABSENCE_DOCUMENTS,
  AbsenceLock,
  type AbsenceLockOptions,
  type AbsenceNews,
} from './absence-lock.ts';
export { BoardPowerSource } from './board-power-source.ts';
export { ChassisOrders, type ChassisOrdersOptions } from './chassis-orders.ts';
export { Custody, type CustodyOptions, type DiskReport, type Door } from './custody.ts';
export type { HandBack, LeaseRequest } from './disk-custody.ts';
export { DriveLocks, type DriveLocksOptions } from './drive-lock/drive-locks.ts';
export { DriveNotebook, readDriveNotes } from './drive-lock/drive-notebook.ts';
export { DRIVE_DOCUMENTS, type DriveNote } from './drive-lock/drive-notes.ts';
export { drivePassword } from './drive-lock/drive-password.ts';
export { FusedPower, type FusedPowerOptions, type PowerGuard } from './fused-power.ts';
export { type HandBackPlan, planHandBack } from './hand-back-plan.ts';
export { type Lease, LeaseEnded, type LeaseMode, leaseRefusal } from './lease.ts';
export { LockGuard, type LockGuardOptions } from './lock-guard.ts';
export { LockKeeper, type LockKeeperOptions } from './lock-keeper.ts';
export { type LevelInForce, type LevelReport, LOCK_LEVELS, type LockLevel } from './lock-levels.ts';
export type { LockChange } from './lock-plan.ts';
export {
  type InForce,
  LOCK_DOCUMENTS,
  LOCK_WITNESS,
  Lockout,
  type LockoutOptions,
  type LockReport,
} from './lockout.ts';
export { type ButtonTiming, type HostButtons, PinHost } from './pin-host.ts';
export { PinPowerSource, type SignalLine } from './pin-power-source.ts';
export { fusePower, type SourceAnswer } from './power-fusion.ts';
export { normaliseReading, observe, type PowerStep, type PowerView } from './power-machine.ts';
export { type AccessGrant, type AccessQuestion, judgeAccess } from './power-rules.ts';
export type { PowerSignal } from './power-signals.ts';
export { type PowerMark, PowerTrace, TRACE_MARKS } from './power-trace.ts';
export { PowerWatch } from './power-watch.ts';
export { WakeInterlock, type WakeInterlockOptions } from './wake-interlock.ts';
