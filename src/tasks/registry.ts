import { budgetRead } from './budget/read.ts';
import { budgetUpdate } from './budget/update.ts';
import { chainStatus } from './chain/status.ts';
import { chainSync } from './chain/sync.ts';
import { clockSet } from './clock/set.ts';
import { auditRead } from './desk-work/audit.ts';
import { taskCancel, taskList } from './desk-work/tasks.ts';
import { fileDelete } from './file/delete.ts';
import { fileDownload } from './file/download.ts';
import { fileFind } from './file/find.ts';
import { fileList } from './file/list.ts';
import { fileStat } from './file/stat.ts';
import { fileUpload } from './file/upload.ts';
import { agentFirmware, agentUpdate } from './firmware/kinds.ts';
import { ioListTask, ioReadTask, ioWatchTask, ioWriteTask } from './io/kinds.ts';
import { keyringRead } from './keyring/read.ts';
import { keyringUpdate } from './keyring/update.ts';
import { machineDisable, machineEnable } from './machine/lock.ts';
import { machineStatus } from './machine/status.ts';
import { mediaOffer, mediaWithdraw } from './media/kinds.ts';
import { memoryCheckTask } from './memory-check/kind.ts';
import { sensorRead } from './sensor/read.ts';
import { stagedList } from './staged/list.ts';
import type { TaskRegistry } from './task.ts';
import { volumeList } from './volume/list.ts';
import { volumeUpload } from './volume/upload.ts';

/** Every verb that a device can obey, and what it does. The only list of task kinds. */
export const TASKS: Required<TaskRegistry> = {
  'file.list': fileList,
  'file.find': fileFind,
  'file.stat': fileStat,
  'file.upload': fileUpload,
  'file.download': fileDownload,
  'file.delete': fileDelete,
  'volume.list': volumeList,
  'volume.upload': volumeUpload,
  'memory.check': memoryCheckTask,
  'io.list': ioListTask,
  'io.read': ioReadTask,
  'io.write': ioWriteTask,
  'io.watch': ioWatchTask,
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
};
