import { milliseconds, NsError } from '../../base/index.ts';
import type { ChainRegisters, Clock } from '../../ports/index.ts';
import { countOf } from '../registers/chain-registers.ts';
import type { UnitFacts } from '../sync/own-facts.ts';
import type { UnitOrder } from '../unit/orders.ts';
import { MAGIC, MAP_VERSION, ORDER_WORDS, REGISTER } from './register-map.ts';
import { STATUS } from './status-word.ts';

/** A unit as its registers show it. */
export interface UnitSnapshot extends UnitFacts {
  readonly unit: string;
  readonly chain: string | undefined;
  readonly presentedSectors: number;
}

/** What belongs to a unit by its stored membership, there or not. */
export interface EnrolledMembers {
  readonly drive: { readonly serial: string; readonly sectors: number } | undefined;
  readonly below: { readonly units: number; readonly sectors: number } | undefined;
}

const POLL = milliseconds(10);
const POLLS = 600;

/** Reads what there is to know of a unit. NS_REGISTER_MAP where there is none, or one of another map. */
export async function readUnit(
  registers: ChainRegisters,
  unit: number,
  signal: AbortSignal,
): Promise<UnitSnapshot> {
  const word = (offset: number): Promise<number> => registers.read32(unit, offset, signal);
  const words = (offset: number, count: number) => readWords(registers, unit, offset, count, signal);
  const version = (await word(REGISTER.magic)) === MAGIC ? await word(REGISTER.version) : 0;
  if (version >>> 16 !== MAP_VERSION >>> 16)
    throw new NsError('NS_REGISTER_MAP', `${registers.name} shows no unit ${unit} that this version knows`);
  const [low = 0, high = 0] = await words(REGISTER.sectors, 2);
  const [presentedLow = 0, presentedHigh = 0] = await words(REGISTER.presented, 2);
  const sectorSize = await word(REGISTER.sectorSize);
  const status = STATUS.decode(await word(REGISTER.status));
  const chain = idOf(await words(REGISTER.chainId, 2));
  const serial = textOf(await words(REGISTER.serial, 5));
  const model = textOf(await words(REGISTER.model, 10));
  const isDrive = sectorSize === 512 || sectorSize === 4096;
  return {
    unit: idOf(await words(REGISTER.unitId, 2)),
    chain: /^0+$/.test(chain) ? undefined : chain,
    epoch: await word(REGISTER.epoch),
    drive: isDrive ? { model, serial, sectors: countOf(low, high), sectorSize } : undefined,
    dsi: await word(REGISTER.dsi),
    csi: await word(REGISTER.csi),
    state: status.state,
    fault: status.reason,
    presentedSectors: countOf(presentedLow, presentedHigh),
  };
}

/** Reads what belongs to a unit, for whoever must say what is missing. */
export async function readEnrolled(
  registers: ChainRegisters,
  unit: number,
  signal: AbortSignal,
): Promise<EnrolledMembers> {
  const words = (offset: number, count: number) => readWords(registers, unit, offset, count, signal);
  const serial = textOf(await words(REGISTER.enrolledSerial, 5));
  const [low = 0, high = 0] = await words(REGISTER.enrolledSectors, 2);
  const [units = 0] = await words(REGISTER.enrolledUnits, 1);
  const [belowLow = 0, belowHigh = 0] = await words(REGISTER.enrolledBelow, 2);
  return {
    drive: serial === '' ? undefined : { serial, sectors: countOf(low, high) },
    below: units === 0 ? undefined : { units, sectors: countOf(belowLow, belowHigh) },
  };
}

/** In order: the first word keeps the others as they are. */
async function readWords(
  registers: ChainRegisters,
  unit: number,
  offset: number,
  count: number,
  signal: AbortSignal,
): Promise<number[]> {
  const read: number[] = [];
  for (let i = 0; i < count; i += 1) read.push(await registers.read32(unit, offset + 4 * i, signal));
  return read;
}

/** Gives an order and waits until the unit has worked it off. False where it refused. NS_CHAIN_ORDER after six seconds. */
export async function giveOrder(
  registers: ChainRegisters,
  unit: number,
  order: UnitOrder,
  clock: Clock,
  signal: AbortSignal,
): Promise<boolean> {
  await registers.write32(unit, REGISTER.control, ORDER_WORDS[order], signal);
  for (let i = 0; i < POLLS; i += 1) {
    const { busy, refused } = STATUS.decode(await registers.read32(unit, REGISTER.status, signal));
    if (!busy) return !refused;
    await clock.sleep(POLL, signal);
  }
  throw new NsError('NS_CHAIN_ORDER', `unit ${unit} of ${registers.name} does not finish "${order}"`);
}

function idOf([low = 0, high = 0]: readonly number[]): string {
  return [high, low].map((word) => word.toString(16).padStart(8, '0')).join('');
}

function textOf(words: readonly number[]): string {
  const bytes = new Uint8Array(words.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [i, word] of words.entries()) view.setUint32(i * 4, word, true);
  return Buffer.from(bytes)
    .toString('latin1')
    .replace(/[^\x20-\x7e]/g, '?')
    .trimEnd();
}
