import { createHash } from 'node:crypto';
import { equalBytes, fromUtf8, utf8 } from '../base/index.ts';

/** The slots that an update can write; the recovery system is beside them, and nothing of it is in the record. */
export type Slot = 'a' | 'b';
export const SLOTS: readonly Slot[] = ['a', 'b'];
export const otherSlot = (slot: Slot): Slot => (slot === 'a' ? 'b' : 'a');

/** What a slot holds, as the boot believes until it has looked. */
export interface SlotFirmware {
  readonly version: string;
  readonly rollback: number;
  /** Of the part that the boot checks: the app's or the root's. Bytes, and lower-case hexadecimal. */
  readonly size: number;
  readonly sha256: string;
}

export type SlotState =
  /** Nothing that could be started: never written, or being written now. */
  | { readonly is: 'empty' }
  /** Written whole, and not yet proven: so many starts are left. */
  | ({ readonly is: 'trying'; readonly left: number } & SlotFirmware)
  | ({ readonly is: 'good' } & SlotFirmware)
  /** Did not prove itself, or is not what it should be. */
  | { readonly is: 'bad'; readonly version: string };

/** What the boot goes by. */
export interface BootRecord {
  /** Grows with every change: of two copies the one with the higher number counts. */
  readonly counter: number;
  /** Started first, where it can be. */
  readonly first: Slot;
  /** No firmware with a lower rollback index is accepted any more. */
  readonly floor: number;
  readonly slots: Readonly<Record<Slot, SlotState>>;
}

/** Bytes of one copy. */
export const BOOT_RECORD_BYTES = 512;
const MAGIC = 'nightshift-boot 1';
const VERSION = /^[0-9A-Za-z.+-]{1,64}$/;
const CHECK = /^check ([0-9a-f]{64})$/;

/**
 * One copy as it lies in flash: lines of text, the last of them the SHA-256 of those before it, then zeros. A shell script
 * of the initial RAM disk reads the same.
 */
export function writeBootRecord(record: BootRecord): Uint8Array {
  const lines = [
    MAGIC,
    `counter ${record.counter}`,
    `first ${record.first}`,
    `floor ${record.floor}`,
    ...SLOTS.map((slot) => `${slot} ${slotWords(record.slots[slot])}`),
    '',
  ].join('\n');
  const bytes = new Uint8Array(BOOT_RECORD_BYTES);
  bytes.set(utf8(`${lines}check ${createHash('sha256').update(lines).digest('hex')}\n`));
  return bytes;
}

/** Undefined where it is not a whole copy, byte for byte as one is written: torn, blank, or of another form. */
export function readBootRecord(bytes: Uint8Array): BootRecord | undefined {
  const end = bytes.indexOf(0);
  if (end < 0 || bytes.subarray(end).some((byte) => byte !== 0)) return undefined;
  const text = fromUtf8(bytes.subarray(0, end));
  if (text === undefined) return undefined;
  const lines = text.split('\n');
  const [magic, counter, first, floor, a, b, check] = lines;
  if (magic !== MAGIC || lines.length !== 8 || lines[7] !== '') return undefined;
  const digest = CHECK.exec(check ?? '')?.[1];
  const before = `${lines.slice(0, 6).join('\n')}\n`;
  if (digest !== createHash('sha256').update(before).digest('hex')) return undefined;
  const slots = { a: readSlot(a, 'a'), b: readSlot(b, 'b') };
  const numbers = [wordAfter(counter, 'counter'), wordAfter(floor, 'floor')].map(numberIn);
  const firstSlot = wordAfter(first, 'first');
  if (slots.a === undefined || slots.b === undefined) return undefined;
  if (numbers.includes(undefined) || (firstSlot !== 'a' && firstSlot !== 'b')) return undefined;
  const record: BootRecord = {
    counter: numbers[0] ?? 0,
    first: firstSlot,
    floor: numbers[1] ?? 0,
    slots: { a: slots.a, b: slots.b },
  };
  return equalBytes(writeBootRecord(record), bytes) ? record : undefined;
}

/** Of two copies the newer whole one, and which it is; the other is the one to write next. */
export function newestBootRecord(
  copies: readonly [Uint8Array, Uint8Array],
): { readonly record: BootRecord; readonly copy: 0 | 1 } | undefined {
  const [first, second] = copies.map(readBootRecord);
  if (first === undefined) return second === undefined ? undefined : { record: second, copy: 1 };
  if (second === undefined || first.counter >= second.counter) return { record: first, copy: 0 };
  return { record: second, copy: 1 };
}

function slotWords(state: SlotState): string {
  switch (state.is) {
    case 'empty':
      return 'empty';
    case 'bad':
      return `bad ${state.version}`;
    case 'good':
      return `good ${firmwareWords(state)}`;
    case 'trying':
      return `trying ${firmwareWords(state)} ${state.left}`;
  }
}

const firmwareWords = ({ version, rollback, size, sha256 }: SlotFirmware): string =>
  `${version} ${rollback} ${size} ${sha256}`;

function readSlot(line: string | undefined, slot: Slot): SlotState | undefined {
  const [name, is, version, rollback, size, sha256, left] = (line ?? '').split(' ');
  if (name !== slot) return undefined;
  if (is === 'empty') return { is };
  if (version === undefined || !VERSION.test(version)) return undefined;
  if (is === 'bad') return { is, version };
  const [index, bytes, starts] = [numberIn(rollback), numberIn(size), numberIn(left)];
  if (index === undefined || bytes === undefined || !/^[0-9a-f]{64}$/.test(sha256 ?? '')) return undefined;
  const firmware = { version, rollback: index, size: bytes, sha256: sha256 ?? '' };
  if (is === 'good') return { is, ...firmware };
  return is === 'trying' && starts !== undefined ? { is, ...firmware, left: starts } : undefined;
}

/** As a shell counts too: no sign, no other base, nothing that its arithmetic cannot hold. */
function numberIn(word: string | undefined): number | undefined {
  return /^(0|[1-9][0-9]{0,14})$/.test(word ?? '') ? Number(word) : undefined;
}

function wordAfter(line: string | undefined, key: string): string {
  const [first, second, more] = (line ?? '').split(' ');
  return first === key && more === undefined && second !== undefined && second !== '' ? second : 'none';
}
