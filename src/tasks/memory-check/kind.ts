import { hours, minutes, refuse, toHex, type Verdict } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import type { ResultOf } from '../../protocol/index.ts';
import { DISKS } from '../file/volume-access.ts';
import type { TaskContext, TaskKind } from '../task.ts';
import type { MemoryCheck } from './check-memory.ts';

/** Checks one medium. Run again from the start after a restart: a test that was cut off proves nothing. */
export const memoryCheckTask: TaskKind<'memory.check'> = {
  verb: 'memory.check',
  pace: 'queued',
  pure: false,
  whileDisabled: false,
  deadline: hours(72),
  noProgress: minutes(5),
  async run({ args }, context): Promise<Verdict<ResultOf<'memory.check'>>> {
    const { checkMemory } = await import('./check-memory.ts');
    const { services, signal } = context;
    const check: MemoryCheck = {
      args,
      power: services.power,
      ...(services.memory === undefined ? {} : { probe: services.memory }),
      signal,
      onProgress: ({ stage, done, total, unit }) => context.progress(stage, done, total, unit),
    };
    if (args.medium !== 'storage') {
      await context.claim('host memory', 'write');
      return checkMemory(check);
    }
    return withDisk(context, args.disk, (device, diskSignal) =>
      checkMemory({ ...check, device, signal: diskSignal }),
    );
  },
};

async function withDisk<T>(
  context: TaskContext,
  wanted: string | undefined,
  use: (device: BlockDevice, signal: AbortSignal) => Promise<Verdict<T>>,
): Promise<Verdict<T>> {
  const { custody } = context.services;
  const [only, ...more] = custody.disks;
  const disk = wanted ?? only;
  if (disk === undefined) return refuse('NO_SUCH_DISK', 'This host has no disk that the board can reach.');
  if (wanted === undefined && more.length > 0) {
    return refuse('NO_SUCH_DISK', `This host has ${custody.disks.join(', ')}.`, 'Name one with --disk.');
  }
  await context.claim(DISKS, 'read');
  const lease = await custody.lease({
    disk,
    mode: 'read',
    holder: `task ${toHex(context.id).slice(0, 8)}`,
    duration: hours(72),
    // Whether a sector can be read does not depend on how old its content is.
    staleOk: true,
    signal: context.signal,
  });
  if (!lease.ok) return lease;
  try {
    return await use(lease.value.device, AbortSignal.any([context.signal, lease.value.signal]));
  } finally {
    await lease.value.release();
  }
}
