import { NsError, type Verdict } from '../../base/index.ts';
import type { Stop } from '../../ports/index.ts';
import type { DeviceIdentity } from '../ata/identity.ts';
import { countOf, wordsOf } from '../registers/chain-registers.ts';
import type { Window } from '../route/window.ts';
import type { UnitOrder } from '../unit/orders.ts';
import type { PortRegisters, UnitRegisters } from '../unit/read-registers.ts';
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
} from './register-map.ts';
import { numberOfReason, numberOfState, STATUS } from './status-word.ts';

/** A unit in this process, as registers show it. `Ptddc` is one. */
export interface RegisteredUnit {
  readonly state: Unit;
  registers(): UnitRegisters;
  order(order: UnitOrder, signal?: AbortSignal): Promise<Verdict<void>>;
  writeSerror(port: Port, ones: number): void;
  writeScontrol(port: Port, value: number): void;
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
const PORT_WORDS = Object.entries(PORT_OFFSET) as [keyof PortRegisters, number][];

/** The registers of one unit, made from what the unit is at each moment. */
export class UnitFile {
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
    if (entry.access === 'RW' && portWordAt(offset) === undefined) return this.#written.get(offset) ?? 0;
    if (word > 0) return this.#kept.get(offset) ?? this.#words(entry)[word] ?? 0;
    const words = this.#words(entry);
    for (let i = 1; i < entry.words; i += 1) this.#kept.set(entry.offset + 4 * i, words[i] ?? 0);
    return words[0] ?? 0;
  }

  write(entry: MapEntry, offset: number, value: number): void {
    if (entry.access === 'RO')
      throw new NsError('NS_REGISTER', `${entry.name} cannot be written`, { family: 'caller' });
    const at = portWordAt(offset);
    if (at?.word === 'scontrol') this.#of.unit.writeScontrol(at.port, value);
    else if (at?.word === 'serror') this.#of.unit.writeSerror(at.port, value);
    else if (entry.offset === REGISTER.control) this.#order(value);
    else if (entry.offset === REGISTER.interruptStatus) this.#pending &= ~value;
    else if (entry.offset === REGISTER.mapControl) this.#map(value);
    else {
      this.#written.set(offset, value);
      if (entry.offset === REGISTER.interruptEnable) this.#raise(0);
    }
  }

  #map(value: number): void {
    const { absolute, limited, apply } = MAP_CONTROL.decode(value);
    if (apply) this.#applyMap(absolute, limited);
    this.#written.set(REGISTER.mapControl, MAP_CONTROL.encode({ absolute, limited }));
  }

  #applyMap(absolute: boolean, limited: boolean): void {
    const at = (offset: number): number =>
      countOf(this.#written.get(offset) ?? 0, this.#written.get(offset + 4) ?? 0);
    const length = at(REGISTER.mapLength);
    if (absolute) this.#of.setWindow({ mode: 'absolute', base: at(REGISTER.mapBase), length });
    else this.#of.setWindow({ mode: 'relative', ...(limited ? { length } : {}) });
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

  /** A register that is made from what the unit is, all its words. */
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
      default: {
        const at = portWordAt(entry.offset);
        return at === undefined ? [] : [registers[at.port][at.word]];
      }
    }
  }
}

function portWordAt(offset: number): { readonly port: Port; readonly word: keyof PortRegisters } | undefined {
  for (const port of PORTS) {
    const word = PORT_WORDS.find(([, at]) => offset === PORT_REGISTERS[port] + at)?.[0];
    if (word !== undefined) return { port, word };
  }
  return undefined;
}

function idWords(id: string): readonly number[] {
  const padded = id.padStart(16, '0');
  return [Number.parseInt(padded.slice(8), 16), Number.parseInt(padded.slice(0, 8), 16)];
}

function textWords(text: string, words: number): readonly number[] {
  const bytes = Buffer.from(text.padEnd(words * 4, ' ').slice(0, words * 4), 'latin1');
  return Array.from({ length: words }, (_, i) => bytes.readUInt32LE(i * 4));
}
