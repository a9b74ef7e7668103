import { DEVICE_PHY, type DevicePhyState } from '../../../src/sata-chain/phy/device-phy.ts';
import { HOST_PHY, type HostPhyState } from '../../../src/sata-chain/phy/host-phy.ts';
import type { Level } from '../../../src/sata-chain/phy/level.ts';
import { newPhy, type Phy, type PhyLine } from '../../../src/sata-chain/phy/phy.ts';
import { SIDE_WAIT } from '../../../src/sata-chain/pttrsm/side.ts';
import type { UnitOrder } from '../../../src/sata-chain/unit/orders.ts';
import { stepUnit } from '../../../src/sata-chain/unit/step-unit.ts';
import { UNIT_TIMINGS, type UnitTimings } from '../../../src/sata-chain/unit/timings.ts';
import {
  newUnit,
  type Port as PortName,
  type TimerSlot,
  type Unit,
  type UnitInput,
  type UnitOutput,
  withoutShadows,
} from '../../../src/sata-chain/unit/unit.ts';
import type { Model, Step } from '../explorer/explore.ts';
import { foundInBay } from './drives.ts';
import { Interner } from './interner.ts';
import { Port, RANK } from './port.ts';
import { wrongRegisters } from './register-checks.ts';

const TIMINGS: UnitTimings = { ...UNIT_TIMINGS, phy: { ...UNIT_TIMINGS.phy, parkAfter: 2 } };
const ORDERS: readonly UnitOrder[] = ['own', 'hand-back', 'disable', 'enable', 'resync'];

/** A unit with everything in it, the host's phy above and a drive's below, and levels on the four pairs. */
interface World {
  host: number;
  drive: number;
  unit: number;
  hostHears: readonly Level[];
  ptiHears: readonly Level[];
  ddiHears: readonly Level[];
  driveHears: readonly Level[];
  /** Signatures on their way, after the levels before them. */
  hostSign: boolean;
  ddiSign: boolean;
  asked: boolean;
  left: number;
}

type Way = 'hostHears' | 'ptiHears' | 'ddiHears' | 'driveHears';
const WAYS: readonly Way[] = ['hostHears', 'ptiHears', 'ddiHears', 'driveHears'];

interface UnitOutcome {
  readonly unit: number;
  readonly outputs: readonly UnitOutput[];
}

interface Move {
  readonly label: string;
  /** As the phy model's ranks; 5 T_absent, 6 resync and hand back, 7 T_spin and the time between two COMRESETs. */
  readonly rank: number;
  readonly work: (w: World) => void;
}

/** One unit in full: stepUnit as it is, between real phys, with nothing plugged in below. */
export class UnitModel implements Model<string> {
  readonly initial: readonly string[];
  readonly #disturbances: number;
  readonly #host = new Port<HostPhyState>(HOST_PHY);
  readonly #drive = new Port<DevicePhyState>(DEVICE_PHY);
  readonly #units = new Interner<Unit>((unit) => JSON.stringify(withoutShadows(unit)));
  readonly #steps = new Map<string, UnitOutcome>();
  readonly #queues = new Interner<readonly Level[]>((queue) => queue.join());

  constructor(disturbances: number) {
    this.#disturbances = disturbances;
    const record = { unit: 'u', chain: 'c', locked: false, epoch: 0 };
    const world: World = {
      host: this.#host.idOf(newPhy('HP1', 3)),
      drive: this.#drive.idOf(newPhy('DP1', 3)),
      unit: this.#units.idOf(newUnit(record)),
      hostHears: [],
      ptiHears: [],
      ddiHears: [],
      driveHears: [],
      hostSign: false,
      ddiSign: false,
      asked: false,
      left: 0,
    };
    this.initial = [this.#write(world)];
  }

  encode(state: string): string {
    return state;
  }

  decode(key: string): string {
    return key;
  }

  unit(state: string): Unit {
    return this.#units.at(this.#read(state).unit);
  }

  steps(state: string): readonly Step<string>[] {
    const before = this.#read(state);
    const moves = this.#internal(before);
    const fastest = Math.min(...moves.map(({ rank }) => rank));
    const steps: Step<string>[] = [];
    const take = ({ label, work }: Move, internal: boolean, left: number): void => {
      const w = { ...before, left };
      work(w);
      const next = this.#write(w);
      if (next !== state) steps.push({ label, internal, next });
    };
    for (const move of moves) if (move.rank === fastest) take(move, true, before.left);
    const left = moves.length === 0 ? this.#disturbances : before.left;
    if (left > 0) for (const move of this.#world(before)) take(move, false, left - 1);
    return steps;
  }

  invariant(state: string): string | undefined {
    const w = this.#read(state);
    const unit = this.#units.at(w.unit);
    const silent = WAYS.every((way) => w[way].length === 0);
    const { t, pti } = unit;
    if ((t.state === 'T7' || t.state === 'T8') && (pti.sent !== 'idle' || pti.line !== 'offline')) {
      return `${t.state}, and PTI is not silent`;
    }
    if (t.state === 'T7' && silent && this.#host.isUp(w.host)) return 'the host is ready on a disabled unit';
    return undefined;
  }

  settled(state: string): string | undefined {
    const { unit, host, drive } = this.#read(state);
    return wrongRegisters(this.#units.at(unit), this.#host.at(host), this.#drive.at(drive).line === 'run');
  }

  #internal(w: World): readonly Move[] {
    const moves: Move[] = [];
    for (const way of WAYS) {
      const level = w[way][0];
      if (level === undefined) continue;
      moves.push({ rank: -1, label: `${way} ${level}`, work: (d) => this.#deliver(d, way) });
    }
    const unit = this.#units.at(w.unit);
    const host = this.#host.at(w.host);
    const drive = this.#drive.at(w.drive);
    const above = host.line === 'run' && unit.pti.line === 'run';
    const below = drive.line === 'run' && unit.ddi.line === 'run';
    const phy = (name: string, timer: Phy<string>['timer'], answered: boolean, work: Move['work']): void => {
      if (timer === null || (timer === 'parked' && !answered)) return;
      moves.push({ rank: RANK[timer], label: `${name} ${timer}`, work });
    };
    phy('host', host.timer, above, (d) => this.#stepHost(d, { is: 'timer' }));
    phy('drive', drive.timer, below, (d) => this.#stepDrive(d, { is: 'timer' }));
    for (const port of ['pti', 'pto', 'ddi'] as const) {
      const answered = port === 'pti' ? above : port === 'ddi' && below;
      phy(port, unit[port].timer, answered, (d) => this.#stepUnit(d, { is: 'timer', timer: port }));
    }
    if (w.hostSign && w.hostHears.length === 0)
      moves.push({ rank: 0, label: 'host signature', work: unsign });
    if (w.ddiSign && w.ddiHears.length === 0) {
      moves.push({ rank: 0, label: 'ddi signature', work: (d) => this.#driveSigns(d) });
    }
    if (w.asked && w.driveHears.length === 0) {
      moves.push({ rank: 0, label: 'identity', work: (d) => this.#driveAnswers(d) });
    }
    if (unit.t.unsaved)
      moves.push({ rank: 0, label: 'saved', work: (d) => this.#stepUnit(d, { is: 'saved' }) });
    if (unit.t.state === 'T9') {
      moves.push({ rank: 0, label: 'flushed', work: (d) => this.#stepUnit(d, { is: 'flushed' }) });
    }
    for (const [slot, runs] of Object.entries(unit.t.timers) as [Exclude<TimerSlot, PortName>, boolean][]) {
      if (!runs || slot === 'calm') continue;
      moves.push({
        rank: rankOf(slot, unit),
        label: `${slot} over`,
        work: (d) => this.#stepUnit(d, { is: 'timer', timer: slot }),
      });
    }
    return moves;
  }

  #world(w: World): readonly Move[] {
    const unit = this.#units.at(w.unit);
    const moves: Move[] = [];
    const add = (label: string, work: Move['work']): void => void moves.push({ rank: 0, label, work });
    const hostLines: readonly PhyLine[] =
      this.#host.at(w.host).line === 'run' ? ['OFF', 'FORCE_RESET'] : ['RUN'];
    for (const line of hostLines) add(`host ${line}`, (d) => this.#stepHost(d, { is: 'line', line }));
    const line = this.#drive.at(w.drive).line === 'run' ? 'OFF' : 'RUN';
    add(`drive ${line}`, (d) => this.#stepDrive(d, { is: 'line', line }));
    if (unit.power) add('power off', (d) => this.#stepUnit(d, { is: 'power', on: false }));
    else add('power on', (d) => this.#stepUnit(d, { is: 'power', on: true, record: unit.t.record }));
    if (unit.power) {
      for (const order of ORDERS) add(`order ${order}`, (d) => this.#stepUnit(d, { is: 'order', order }));
    }
    return moves;
  }

  #deliver(w: World, way: Way): void {
    const [level, ...rest] = w[way];
    w[way] = rest;
    const event = { is: 'level', level: level! } as const;
    if (way === 'hostHears') this.#stepHost(w, event);
    else if (way === 'driveHears') this.#stepDrive(w, event);
    else this.#stepUnit(w, { ...event, port: way === 'ptiHears' ? 'pti' : 'ddi' });
  }

  #stepHost(w: World, event: Parameters<Port<HostPhyState>['step']>[1]): void {
    const { id, transmit } = this.#host.step(w.host, event);
    w.host = id;
    if (!this.#host.isUp(id)) w.hostSign = false;
    if (transmit !== undefined) w.ptiHears = [...w.ptiHears, transmit];
  }

  #stepDrive(w: World, event: Parameters<Port<DevicePhyState>['step']>[1]): void {
    const { id, transmit, notices } = this.#drive.step(w.drive, event);
    w.drive = id;
    if (transmit !== undefined) w.ddiHears = [...w.ddiHears, transmit];
    if (notices.includes('up')) w.ddiSign = true;
    if (!this.#drive.isUp(id)) {
      w.ddiSign = false;
      w.asked = false;
    }
  }

  #driveSigns(w: World): void {
    w.ddiSign = false;
    this.#stepUnit(w, { is: 'signature', port: 'ddi' });
  }

  #driveAnswers(w: World): void {
    w.asked = false;
    this.#stepUnit(w, { is: 'identity', port: 'ddi', found: foundInBay(1) });
  }

  #stepUnit(w: World, input: UnitInput): void {
    const key = `${w.unit} ${JSON.stringify(input)}`;
    const step = this.#steps.get(key) ?? this.#workOut(w.unit, input);
    this.#steps.set(key, step);
    w.unit = step.unit;
    for (const output of step.outputs) {
      if (output.is === 'transmit' && output.port === 'pti') w.hostHears = [...w.hostHears, output.level];
      else if (output.is === 'transmit' && output.port === 'ddi')
        w.driveHears = [...w.driveHears, output.level];
      else if (output.is === 'signature') w.hostSign = true;
      else if (output.is === 'identify' && output.port === 'ddi') w.asked = true;
    }
  }

  #workOut(unit: number, input: UnitInput): UnitOutcome {
    const { state, outputs } = stepUnit(this.#units.at(unit), input, TIMINGS);
    const { t } = state;
    const timers = t.timers.calm ? { ...t.timers, calm: false } : t.timers;
    const record = { ...t.record, epoch: 0 };
    return { unit: this.#units.idOf({ ...state, t: { ...t, record, timers, calls: 0 } }), outputs };
  }

  #read(state: string): World {
    const at = (i: number): number => state.charCodeAt(i);
    const flags = at(7);
    return {
      host: at(0),
      drive: at(1),
      unit: at(2),
      hostHears: this.#queues.at(at(3)),
      ptiHears: this.#queues.at(at(4)),
      ddiHears: this.#queues.at(at(5)),
      driveHears: this.#queues.at(at(6)),
      hostSign: (flags & 1) !== 0,
      ddiSign: (flags & 2) !== 0,
      asked: (flags & 4) !== 0,
      left: flags >> 3,
    };
  }

  #write(w: World): string {
    const flags = (w.hostSign ? 1 : 0) + (w.ddiSign ? 2 : 0) + (w.asked ? 4 : 0) + w.left * 8;
    const queues = WAYS.map((way) => this.#queues.idOf(w[way]));
    return String.fromCharCode(w.host, w.drive, w.unit, ...queues, flags);
  }
}

function unsign(w: World): void {
  w.hostSign = false;
}

function rankOf(slot: Exclude<TimerSlot, PortName>, unit: Unit): number {
  if (slot === 'local' || slot === 'below') return SIDE_WAIT[unit.t[slot].is] === 'absent' ? 5 : 7;
  return slot === 'pace' ? 3 : slot === 'resets' ? 7 : 6;
}
