import { MiB } from '../../base/index.ts';
import { insecureIn } from '../../security/index.ts';
import { type TaskServices, TaskTable } from '../../tasks/index.ts';
import type { AgentConfig } from './config.ts';
import type { openDeviceEditors } from './editors.ts';
import type { Machine } from './machine.ts';
import type { DeviceMetrics } from './metrics.ts';

/** What tasks work with: the machine's parts, and what the device adds. */
export async function servicesOf(
  machine: Machine,
  config: AgentConfig,
  rest: Pick<
    TaskServices,
    | 'identity'
    | 'log'
    | 'measures'
    | 'blocks'
    | 'byNeighbour'
    | 'keyring'
    | 'budget'
    | 'time'
    | 'absence'
    | 'staged'
    | 'firmware'
  >,
  openEditor?: typeof openDeviceEditors,
  metrics?: DeviceMetrics,
): Promise<TaskServices> {
  const tools = await import('./editors.ts');
  const { clock, store, board, power, custody, lockout, audit, driveLocks } = machine;
  const editor = await tools.openDiskTools(
    openEditor ?? tools.openDeviceEditors,
    config,
    (name) => store.pathOf(name),
    rest.log,
  );
  return {
    ...rest,
    clock,
    store,
    audit,
    power,
    custody,
    lockout,
    switches: board.switches,
    ...(board.security === undefined ? {} : { drives: board.security }),
    ...(driveLocks === undefined ? {} : { driveLocks }),
    editor: metrics?.editor(editor) ?? editor,
    ...(board.media === undefined
      ? {}
      : { media: await (await import('./media.ts')).openDeviceMedia(machine, board.media, rest.log) }),
    ...(board.memory === undefined ? {} : { memory: board.memory }),
    ...(board.io === undefined
      ? {}
      : {
          io: board.io,
          contents: async (channel, bytes) =>
            (await import('./channel-contents.ts')).contentsOf(channel, bytes),
        }),
    ...(board.chains === undefined ? {} : { chains: board.chains }),
    protectedPaths: [...board.description.protectedPaths, ...config.protectedPaths],
    tasks: new TaskTable(),
    limits: { stagedFile: config.limits.stagingMiB * MiB },
    startedAt: clock.monotonic(),
    insecure: insecureIn(config.broker),
  };
}
