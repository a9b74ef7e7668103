import type * as v from 'valibot';
import { budgetRead, budgetUpdate } from './budget.ts';
import { chainStatus, chainSync } from './chain.ts';
import { clockSet } from './clock.ts';
import { fileDelete, fileDownload, fileList, fileStat, fileUpload } from './file.ts';
import { fileFind } from './find.ts';
import { agentFirmware, agentUpdate } from './firmware.ts';
import { volumeUpload } from './image.ts';
import { ioList, ioRead, ioWatch, ioWrite } from './io.ts';
import { keyringRead, keyringUpdate } from './keyring.ts';
import { auditRead, machineDisable, machineEnable, machineStatus, taskCancel, taskList } from './machine.ts';
import { mediaOffer, mediaWithdraw } from './media.ts';
import { memoryCheck } from './memory.ts';
import { sensorRead } from './sensor.ts';
import { stagedList } from './staged.ts';
import { volumeList } from './volume.ts';

/** Every verb with the shape of its arguments and of its result. The only place where a verb is declared. */
export const VERBS = {
  'file.list': fileList,
  'file.find': fileFind,
  'file.stat': fileStat,
  'file.upload': fileUpload,
  'file.download': fileDownload,
  'file.delete': fileDelete,
  'volume.list': volumeList,
  'volume.upload': volumeUpload,
  'memory.check': memoryCheck,
  'io.list': ioList,
  'io.read': ioRead,
  'io.write': ioWrite,
  'io.watch': ioWatch,
  'sensor.read': sensorRead,
  'machine.status': machineStatus,
  'machine.disable': machineDisable,
  'machine.enable': machineEnable,
  'clock.set': clockSet,
  'chain.status': chainStatus,
  'chain.sync': chainSync,
  'task.list': taskList,
  'task.cancel': taskCancel,
  'staged.list': stagedList,
  'audit.read': auditRead,
  'keyring.read': keyringRead,
  'keyring.update': keyringUpdate,
  'budget.read': budgetRead,
  'budget.update': budgetUpdate,
  'media.offer': mediaOffer,
  'media.withdraw': mediaWithdraw,
  'agent.firmware': agentFirmware,
  'agent.update': agentUpdate,
} as const;

export type Verb = keyof typeof VERBS;
export type ArgsOf<V extends Verb> = v.InferOutput<(typeof VERBS)[V]['args']>;
export type ResultOf<V extends Verb> = v.InferOutput<(typeof VERBS)[V]['result']>;
export type EffectNote = v.InferOutput<typeof import('./file.ts').effectNote>;
export type BudgetNote = v.InferOutput<typeof import('./budget.ts').budgetNote>;
export type ClockNote = v.InferOutput<typeof import('./clock.ts').clockNote>;
export type ChainNote = v.InferOutput<typeof import('./chain.ts').chainNote>;
export type VolumeNote = v.InferOutput<typeof import('./file.ts').volumeNote>;
export type LockNote = v.InferOutput<typeof import('./machine.ts').lockNote>;
export type PowerNote = v.InferOutput<typeof import('./machine.ts').powerNote>;
export type TaskState = v.InferOutput<typeof import('./machine.ts').taskState>;

export function isVerb(text: string): text is Verb {
  return Object.hasOwn(VERBS, text);
}
