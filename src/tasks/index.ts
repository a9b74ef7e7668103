export { chainNote } from './chain/notes.ts';
export type { AdmittedOrder, Issuer, Submission, TaskDesk, TaskEvent } from './desk.ts';
export type { DeskOptions, OrderFreshness, OrderStanding } from './desk-options.ts';
export { type CounterMemory, Journal } from './journal/index.ts';
export { TASKS } from './registry.ts';
export type { DeviceIdentity, SignedTime, TaskServices } from './services.ts';
export type { TaskKind, TaskRegistry } from './task.ts';
export { Desk } from './task-desk.ts';
export { TaskTable } from './task-table.ts';
