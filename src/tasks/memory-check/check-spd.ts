import { allow, asNsError, refuse, type Verdict } from '../../base/index.ts';
import type { DimmSlot, MemoryProbe, PowerReading } from '../../ports/index.ts';
import type { CheckResult, MemoryCheck } from './check-memory.ts';
import { ErrorList } from './error-list.ts';
import { basisPoints } from './spans.ts';

type Module = CheckResult['modules'][number];
interface Look {
  readonly module: Module;
  readonly problem?: string;
  /** The EEPROM was not read, or is of a kind whose checksum is not known here. */
  readonly notChecked?: string;
}

/** Reads the SPD EEPROM of every module and checks its CRCs. Harmless: nothing is written. */
export async function checkSpd(check: MemoryCheck, power: PowerReading): Promise<Verdict<CheckResult>> {
  const { probe, signal } = check;
  if (!probe) return refuse('MEMORY_UNREACHABLE', 'This board does not reach the memory of the host.');
  const reach = probe.reach(power.state).spd;
  if (!reach.ok) return reach;
  const slots = await probe.slots(signal);
  const populated = slots.filter((slot) => slot.populated).length;
  const errors = new ErrorList();
  const covered: { start: number; length: number }[] = [];
  const notReached: { what: string; why: string }[] = [];
  const modules: Module[] = [];
  for (const [index, slot] of slots.entries()) {
    signal.throwIfAborted();
    const look = await lookAt(probe, slot, signal);
    modules.push(look.module);
    if (look.problem !== undefined) errors.add({ at: index, slot: slot.slot, what: look.problem });
    if (look.notChecked !== undefined) notReached.push({ what: slot.slot, why: look.notChecked });
    else if (slot.populated) covered.push({ start: index, length: 1 });
    check.onProgress({ stage: 'spd', done: index + 1, total: slots.length, unit: 'slots' });
  }
  return allow({
    medium: 'spd',
    algorithms: ['spd-crc'],
    covered,
    coveredBasisPoints: basisPoints(covered.length, populated),
    errors: [...errors.listed],
    errorCount: errors.count,
    notReached,
    modules,
  });
}

async function lookAt(probe: MemoryProbe, { slot, populated }: DimmSlot, signal: AbortSignal): Promise<Look> {
  if (!populated) return { module: { slot, populated } };
  let bytes: Uint8Array;
  try {
    bytes = await probe.readSpd(slot, signal);
  } catch (error) {
    signal.throwIfAborted();
    return { module: { slot, populated }, notChecked: asNsError(error, 'NS_SPD_IO').message };
  }
  const { decodeSpd } = await import('./decode-spd.ts');
  const reading = decodeSpd(bytes);
  switch (reading.is) {
    case 'other':
      return {
        module: { slot, populated, type: reading.type },
        notChecked: `the SPD of ${reading.type} is not decoded by this version`,
      };
    case 'damaged':
      return { module: { slot, populated, crcOk: false }, problem: `SPD is damaged: ${reading.why}` };
    case 'module': {
      const { crcErrors, ...facts } = reading.facts;
      const module = { slot, populated, ...facts, crcOk: crcErrors.length === 0 };
      if (crcErrors.length === 0) return { module };
      return { module, problem: `SPD CRC is wrong in the ${crcErrors.join(' and the ')} block` };
    }
  }
}
