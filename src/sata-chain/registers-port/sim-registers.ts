import { NsError, type Verdict } from '../../base/index.ts';
import type { ChainRegisters, Stop } from '../../ports/index.ts';
import type { DeviceIdentity } from '../ata/identity.ts';
import type { Sleep } from '../phy/phy.ts';
import { countOf, wordsOf } from '../registers/chain-registers.ts';
import { SCONTROL } from '../registers/scr.ts';
import type { Window } from '../route/window.ts';
import type { UnitOrder } from '../unit/orders.ts';
import type { UnitRegisters } from '../unit/read-registers.ts';
import type { Port, Unit } from '../unit/unit.ts';
import { reasonOf } from './reason.ts';
import {
  INTERRUPT,
  MAGIC,
  MAP_CONTROL,
  MAP_VERSION,
  type MapEntry,
  ORDER_WORDS,
  PORT_OFFSET,
  PORT_REGISTERS,
  REGISTER,
  REGISTER_MAP,
} from './register-map.ts';
import { numberOfReason, numberOfState, STATUS } from './status-word.ts';

/** A unit in this process, as registers show it. `Ptddc` is one. */
export interface RegisteredUnit {
  readonly state: Unit;
  registers(): UnitRegisters;
  order(order: UnitOrder, signal?: AbortSignal): Promise<Verdict<void>>;
  writeSerror(port: Port, ones: number): void;
  sleep(port: Port, depth: Sleep): void;
  wake(port: Port): void;
  onChange(listener: () => void): () => void;
}

export interface UnitBehindRegisters {
  readonly unit: RegisteredUnit;
  /** What the drive in it said that it is. */
  readonly drive: () => DeviceIdentity | undefined;
  /** Throws NS_CHAIN_WINDOW. */
  readonly setWindow: (window: Window) => void;
}

const PORTS: readonly Port[] = ['pti', 'pto', 'ddi'];
const ORDERS = Object.entries(ORDER_WORDS) as [UnitOrder, number][];

/** The registers of one unit, made from what the unit is at each moment. */
class UnitFile {
  readonly #of: UnitBehindRegisters;
  readonly #interrupt: () => void;
  /** What was written to registers that read as written, by offset. */
  readonly #written = new Map<number, number>();
  /** The other words of registers whose first word was read, by offset. */
  readonly #kept = new Map<number, number>();
  readonly stop: Stop;
  #pending = 0;
  #busy = false;
  #refused = false;
  #last: { readonly status: number; readonly registers: UnitRegisters };

  constructor(of: UnitBehindRegisters, interrupt: () => void) {
    this.#of = of;
    this.#interrupt = interrupt;
    this.#last = { status: this.#status(), registers: of.unit.registers() };
    this.stop = of.unit.onChange(() => this.#changed());
  }

  read(entry: MapEntry, offset: number): number {
    const word = (offset - entry.offset) / 4;
    if (entry.access === 'WO') return 0;
    if (entry.access === 'RW') return this.#written.get(offset) ?? 0;
    if (word > 0) return this.#kept.get(offset) ?? this.#words(entry)[word] ?? 0;
    const words = this.#words(entry);
    for (let i = 1; i < entry.words; i += 1) this.#kept.set(entry.offset + 4 * i, words[i] ?? 0);
    return words[0] ?? 0;
  }

  write(entry: MapEntry, offset: number, value: number): void {
    if (entry.access === 'RO')
      throw new NsError('NS_REGISTER', `${entry.name} cannot be written`, { family: 'caller' });
    if (entry.offset === REGISTER.control) this.#order(value);
    else if (entry.offset === REGISTER.interruptStatus) this.#pending &= ~value;
    else if (entry.access === 'W1C') this.#clearErrors(entry.offset, value);
    else this.#set(entry, offset, value);
  }

  #set(entry: MapEntry, offset: number, value: number): void {
    const { absolute, limited, apply } = MAP_CONTROL.decode(value);
    if (entry.offset === REGISTER.mapControl && apply) this.#applyMap(absolute, limited);
    this.#written.set(
      offset,
      entry.offset === REGISTER.mapControl ? MAP_CONTROL.encode({ absolute, limited }) : value,
    );
    if (entry.offset === REGISTER.interruptEnable) this.#raise(0);
    const port = PORTS.find((each) => offset === PORT_REGISTERS[each] + PORT_OFFSET.scontrol);
    if (port !== undefined) this.#power(port, SCONTROL.decode(value).spm);
  }

  /** SPM: 1 partial, 2 slumber, 4 active. */
  #power(port: Port, spm: number): void {
    if (spm === 1) this.#of.unit.sleep(port, 'partial');
    else if (spm === 2) this.#of.unit.sleep(port, 'slumber');
    else if (spm === 4) this.#of.unit.wake(port);
  }

  #applyMap(absolute: boolean, limited: boolean): void {
    const at = (offset: number): number =>
      countOf(this.#written.get(offset) ?? 0, this.#written.get(offset + 4) ?? 0);
    const length = at(REGISTER.mapLength);
    if (absolute) this.#of.setWindow({ mode: 'absolute', base: at(REGISTER.mapBase), length });
    else this.#of.setWindow({ mode: 'relative', ...(limited ? { length } : {}) });
  }

  #clearErrors(offset: number, ones: number): void {
    const port = PORTS.find((each) => offset === PORT_REGISTERS[each] + PORT_OFFSET.serror);
    if (port !== undefined) this.#of.unit.writeSerror(port, ones);
  }

  #order(value: number): void {
    const order = ORDERS.find(([, word]) => word === value)?.[0];
    this.#refused = order === undefined || this.#busy;
    if (order === undefined || this.#refused) {
      this.#raise(INTERRUPT.encode({ refused: true }));
      return;
    }
    this.#busy = true;
    const end = (refused: boolean): void => {
      this.#busy = false;
      this.#refused = refused;
      this.#raise(INTERRUPT.encode({ status: true, refused }));
    };
    this.#of.unit.order(order).then(
      (verdict) => end(!verdict.ok),
      // The unit's memory failed: the order is not safe, and may not be taken for obeyed.
      () => end(true),
    );
  }

  #changed(): void {
    const before = this.#last;
    const now = { status: this.#status(), registers: this.#of.unit.registers() };
    this.#last = now;
    const [a, b] = [before.registers, now.registers];
    this.#raise(
      INTERRUPT.encode({
        status: before.status !== now.status,
        drive: a.dsi !== b.dsi || a.sectors !== b.sectors || a.serial !== b.serial,
        chain:
          a.csi !== b.csi || a.sectorsBelow !== b.sectorsBelow || a.presentedSectors !== b.presentedSectors,
        port: PORTS.some((port) => a[port].isr !== b[port].isr || a[port].sstatus !== b[port].sstatus),
      }),
    );
  }

  #raise(causes: number): void {
    const enabled = this.#written.get(REGISTER.interruptEnable) ?? 0;
    const before = this.#pending & enabled;
    this.#pending |= causes;
    if ((this.#pending & enabled & ~before) !== 0 || (causes === 0 && before !== 0)) this.#interrupt();
  }

  #status(): number {
    const { t } = this.#of.unit.state;
    return STATUS.encode({
      state: numberOfState(t.state),
      busy: this.#busy,
      refused: this.#refused,
      locked: t.record.locked,
      enrolled: t.record.chain !== undefined,
      reason: numberOfReason(reasonOf(t)),
    });
  }

  /** A read-only or W1C register, all its words. */
  #words(entry: MapEntry): readonly number[] {
    const { unit, drive } = this.#of;
    const registers = unit.registers();
    const { record } = unit.state.t;
    const identity = registers.sectors > 0 ? drive() : undefined;
    switch (entry.offset) {
      case REGISTER.magic:
        return [MAGIC];
      case REGISTER.version:
        return [MAP_VERSION];
      case REGISTER.unitId:
        return idWords(record.unit);
      case REGISTER.chainId:
        return idWords(record.chain ?? '0');
      case REGISTER.status:
        return [this.#status()];
      case REGISTER.interruptStatus:
        return [this.#pending];
      case REGISTER.epoch:
        return [record.epoch];
      case REGISTER.dsi:
        return [registers.dsi];
      case REGISTER.csi:
        return [registers.csi];
      case REGISTER.sectors:
        return wordsOf(registers.sectors);
      case REGISTER.sectorsBelow:
        return wordsOf(registers.sectorsBelow);
      case REGISTER.presented:
        return wordsOf(registers.presentedSectors);
      case REGISTER.sectorSize:
        return [identity?.sectorSize ?? 0];
      case REGISTER.serial:
        return textWords(registers.serial, 5);
      case REGISTER.enrolledSerial:
        return textWords(record.membership?.local?.serial ?? '', 5);
      case REGISTER.enrolledSectors:
        return wordsOf(record.membership?.local?.sectors ?? 0);
      case REGISTER.enrolledUnits:
        return [record.membership?.below?.units ?? 0];
      case REGISTER.enrolledBelow:
        return wordsOf(record.membership?.below?.sectors ?? 0);
      case REGISTER.model:
        return textWords(identity?.model ?? '', 10);
      default:
        return [portWord(registers, entry.offset)];
    }
  }
}

function portWord(registers: UnitRegisters, offset: number): number {
  for (const port of PORTS) {
    const at = offset - PORT_REGISTERS[port];
    if (at === PORT_OFFSET.isr) return registers[port].isr;
    if (at === PORT_OFFSET.sstatus) return registers[port].sstatus;
    if (at === PORT_OFFSET.serror) return registers[port].serror;
  }
  return 0;
}

function idWords(id: string): readonly number[] {
  const padded = id.padStart(16, '0');
  return [Number.parseInt(padded.slice(8), 16), Number.parseInt(padded.slice(0, 8), 16)];
}

function textWords(text: string, words: number): readonly number[] {
  const bytes = Buffer.from(text.padEnd(words * 4, ' ').slice(0, words * 4), 'latin1');
  return Array.from({ length: words }, (_, i) => bytes.readUInt32LE(i * 4));
}

/** The registers of units in this process: the first implementation of the port, and what drivers are tested against. */
export class SimRegisters implements ChainRegisters {
  readonly name: string;
  readonly #files: readonly UnitFile[];
  readonly #listeners = new Set<(unit: number) => void>();

  constructor(name: string, units: readonly UnitBehindRegisters[]) {
    this.name = name;
    this.#files = units.map(
      (unit, at) =>
        new UnitFile(unit, () => {
          for (const listener of this.#listeners) listener(at);
        }),
    );
  }

  async units(signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    return this.#files.length;
  }

  async read32(unit: number, offset: number, signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    const { file, entry } = this.#find(unit, offset);
    return file.read(entry, offset) >>> 0;
  }

  async write32(unit: number, offset: number, value: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { file, entry } = this.#find(unit, offset);
    if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff)
      throw new NsError('NS_REGISTER', `${value} is no word of 32 bits`, { family: 'caller' });
    file.write(entry, offset, value);
  }

  onInterrupt(listener: (unit: number) => void): Stop {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    for (const file of this.#files) file.stop();
    this.#listeners.clear();
  }

  #find(unit: number, offset: number): { file: UnitFile; entry: MapEntry } {
    const file = this.#files[unit];
    const entry = REGISTER_MAP.find((each) => offset >= each.offset && offset < each.offset + each.words * 4);
    if (file === undefined || entry === undefined || offset % 4 !== 0)
      throw new NsError('NS_REGISTER', `${this.name} has no register ${offset} in unit ${unit}`, {
        family: 'caller',
      });
    return { file, entry };
  }
}
