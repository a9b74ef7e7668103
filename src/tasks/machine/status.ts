import { allow, seconds } from '../../base/index.ts';
import type { LockNote, PowerNote } from '../../protocol/index.ts';
import { budgetLimits } from '../budget/note.ts';
import type { TaskServices } from '../services.ts';
import type { TaskKind } from '../task.ts';

export async function lockNote(services: TaskServices): Promise<LockNote> {
  return services.lockout.status();
}

async function powerNote(services: TaskServices, signal: AbortSignal): Promise<PowerNote> {
  const { state, certain, fusion, sources } = await services.power.read(signal);
  return { state, certain, fusion, sources: { ...sources } };
}

/** What this device cannot do right now, a sentence each. */
function limitsOf({
  editor,
  memory,
  io,
  power,
  byNeighbour,
  insecure,
  budget,
  absence,
}: TaskServices): string[] {
  const limits: string[] = [...(insecure ?? []), ...(absence?.() ?? []), ...budgetLimits(budget)];
  if (byNeighbour?.() === true)
    limits.push('No network: a neighbour in the chain carries orders and receipts, and no files.');
  if (editor.capabilities.unusable !== undefined)
    limits.push(`No writing to host disks: ${editor.capabilities.unusable}`);
  if (memory === undefined) limits.push('This board reaches no host memory.');
  if (io === undefined) limits.push('This board enrols no I/O channels.');
  if (!power.capabilities.wakeInterlock)
    limits.push('No wake interlock: a waking host does not wait for its disk.');
  if (!power.capabilities.buttonMask) limits.push('The power button cannot be masked on this board.');
  return limits;
}

function toolConfinementNote({ editor }: TaskServices) {
  const { confinement } = editor.capabilities;
  if (confinement === undefined) return {};
  return { toolConfinement: { holds: [...confinement.holds], missing: [...confinement.missing] } };
}

/** How the machine stands. Touches nothing: no disk changes hands for it. */
export const machineStatus: TaskKind<'machine.status'> = {
  verb: 'machine.status',
  pace: 'instant',
  pure: true,
  whileDisabled: true,
  deadline: seconds(15),
  noProgress: seconds(15),
  async run(_order, { services, signal, id }) {
    const { identity, clock, tasks, time } = services;
    const [power, lock, disks] = await Promise.all([
      powerNote(services, signal),
      lockNote(services),
      services.custody.report(),
    ]);
    const others = tasks.rows().filter((row) => row.id !== id);
    return allow({
      device: identity.device,
      board: identity.board,
      version: identity.version,
      boot: identity.boot,
      uptimeSeconds: Math.floor((clock.monotonic() - services.startedAt) / 1000),
      power,
      lock,
      disks: [...disks],
      tasks: {
        running: others.filter(({ state }) => state === 'running').length,
        queued: others.filter(({ state }) => state !== 'running').length,
      },
      limits: limitsOf(services),
      ...toolConfinementNote(services),
      ...(time === undefined
        ? {}
        : { clock: { wall: clock.wallSeconds(), surely: time.surely(), nonce: time.nonce() } }),
    });
  },
};
