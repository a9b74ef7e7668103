import { allow, orAborted, refuse, seconds, toHex, type Verdict } from '../../base/index.ts';
import {
  beginTrial,
  hashOfRange,
  type Slot,
  type SlotFirmware,
  slotToWrite,
  writeUpdateNote,
} from '../../firmware/index.ts';
import type { Clock, DriveSwitch } from '../../ports/index.ts';
import type { FirmwareManifest, Order, ResultOf } from '../../protocol/index.ts';
import type { TaskServices } from '../services.ts';
import type { EffectFacts, EffectFate, TaskContext } from '../task.ts';
import { fillSlot } from './fill-slot.ts';
import { judgeUpdate } from './judge-update.ts';
import type { OwnFirmware } from './own-firmware.ts';

type Result = ResultOf<'agent.update'>;

const PORT_ANSWERS = seconds(10);

export async function update(
  order: Order<'agent.update'>,
  context: TaskContext,
  firmware: OwnFirmware,
): Promise<Verdict<Result>> {
  const { args } = order;
  const { book, slots } = firmware;
  if (firmware.restarting) return refuse('FIRMWARE_BUSY');
  const judged = judgeUpdate(args, firmware);
  if (!judged.ok) return judged;
  const manifest = judged.value;
  const from = { version: firmware.version, slot: slots.running };
  const running = slots.running === 'recovery' ? undefined : book.record.slots[slots.running];
  if (slots.running !== 'recovery' && running?.is === 'good' && running.sha256 === toHex(args.sha256))
    return allow({
      version: manifest.version,
      slot: slots.running,
      state: 'running',
      from,
      dryRun: args.dryRun === true,
    });
  const slot = slotToWrite(book.record, slots.running);
  if (slot === undefined) return refuse('FIRMWARE_ON_TRIAL');
  if (args.dryRun === true)
    return allow({ version: manifest.version, slot, state: 'would-try', from, dryRun: true });
  if (!(await isThere(context, firmware, slot, args))) {
    const filled = await fillSlot(context, firmware, slot, args);
    if (!filled.ok) return filled;
  }
  const started = await startTrial(order, context, firmware, slot, manifest);
  if (started.ok) firmware.restartAfter(context.id);
  return started;
}

/** The firmware that ran before is proven, and may be whole still: then nothing needs to be sent to go back to it. */
async function isThere(
  { signal }: TaskContext,
  { book, slots }: OwnFirmware,
  slot: Slot,
  { size, sha256 }: { readonly size: number; readonly sha256: Uint8Array },
): Promise<boolean> {
  const state = book.record.slots[slot];
  if (state.is !== 'good' || state.sha256 !== toHex(sha256)) return false;
  return toHex(await hashOfRange(slots.slots[slot], size, signal)) === state.sha256;
}

/** The one effect: from here on the boot starts the other slot. */
async function startTrial(
  { iss, args }: Order<'agent.update'>,
  { services, id, effect, signal }: TaskContext,
  { book, slots, version: ran }: OwnFirmware,
  slot: Slot,
  { version, rollback }: FirmwareManifest,
): Promise<Verdict<Result>> {
  const firmware: SlotFirmware = { version, rollback, size: args.size, sha256: toHex(args.sha256) };
  const { audit, clock, power, store, switches } = services;
  const powerKnown = (await power.read(signal)).state !== 'unknown';
  const silent = await silentPorts(switches, clock, signal);
  const facts = { slot, version, sha256: firmware.sha256, ran, running: slots.running };
  return effect(facts, async () => {
    await writeUpdateNote(store, {
      order: id,
      version,
      slot,
      sha256: args.sha256,
      state: 'trying',
      powerKnown,
      ...(silent.length === 0 ? {} : { silent }),
    });
    const detail = `version ${version} in slot ${slot}, sha256 ${firmware.sha256}`;
    await audit.append({ at: clock.wallSeconds(), event: 'firmware.trial', by: iss, detail });
    await book.change((record) => beginTrial(record, slot, firmware));
    return allow(resultFrom(facts));
  });
}

/** Disks whose ports give no answer now. */
async function silentPorts(
  switches: readonly DriveSwitch[],
  clock: Clock,
  signal: AbortSignal,
): Promise<string[]> {
  const deadline = clock.deadline(PORT_ANSWERS, 'looking at the ports of the disks');
  try {
    const either = AbortSignal.any([signal, deadline.signal]);
    const looks = switches.map((drive) =>
      orAborted(drive.position(either), either).then(
        () => [],
        () => [drive.disk],
      ),
    );
    const silent = (await Promise.all(looks)).flat();
    signal.throwIfAborted();
    return silent;
  } finally {
    deadline.release();
  }
}

/** What the medium says counts: the boot, or the new firmware itself, may have gone on meanwhile. */
export async function fateOfUpdate(facts: EffectFacts, { book }: OwnFirmware): Promise<EffectFate> {
  const { slot, version, sha256 } = facts;
  if (slot !== 'a' && slot !== 'b') return 'unknown';
  const { slots, first } = await book.reread();
  const state = slots[slot];
  // What was proven in that slot before is tried again only where the boot starts it.
  if (state.is === 'good') return state.sha256 === sha256 && first === slot ? 'done' : 'absent';
  if (state.is === 'trying') return state.sha256 === sha256 ? 'done' : 'absent';
  // It was emptied before it was written: what is bad now was on trial.
  return state.is === 'bad' && state.version === version ? 'done' : 'absent';
}

export function resultOfUpdate(
  { id }: Pick<Order, 'id'>,
  facts: EffectFacts,
  { firmware }: Pick<TaskServices, 'firmware'>,
): Result {
  const result = resultFrom(facts);
  // The agent ended before the board could start anew.
  const state = firmware?.book.record.slots[result.slot].is;
  if (firmware !== undefined && state === 'trying' && firmware.slots.running !== result.slot)
    firmware.restartAfter(id);
  return result;
}

function resultFrom({ slot, version, ran, running }: EffectFacts): Result {
  return {
    version: String(version),
    slot: slot === 'a' ? 'a' : 'b',
    state: 'trying',
    from: { version: String(ran), slot: running === 'a' || running === 'b' ? running : 'recovery' },
    dryRun: false,
  };
}
