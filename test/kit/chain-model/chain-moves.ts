import type { Pttrsm, UnitTimer } from '../../../src/sata-chain/pttrsm/pttrsm.ts';
import type { UnitOrder } from '../../../src/sata-chain/unit/orders.ts';
import { BURST, type ChainState, SILENCE } from './chain-state.ts';
import { DiskLists } from './disk-lists.ts';
import { foundInBay } from './drives.ts';
import type { Numbered } from './inputs.ts';
import * as say from './inputs.ts';
import * as rules from './link-rules.ts';
import type { UnitDeed, UnitSteps } from './unit-steps.ts';

type Todo =
  | { readonly unit: number; readonly input: Numbered }
  | { readonly unit: number; readonly deed: UnitDeed };

/** What can happen to a chain, as changes of one state. Links behave as the link model was shown to. */
export class ChainMoves {
  readonly steps: UnitSteps;
  readonly lists = new DiskLists();
  s!: ChainState;
  /** Fault seen while a move was made. */
  wrong: string | undefined;

  constructor(steps: UnitSteps) {
    this.steps = steps;
  }

  pttrsm(unit: number): Pttrsm {
    return this.steps.at(this.s.units[unit]!.t);
  }

  // What units and their ports do.

  order(unit: number, order: UnitOrder): boolean {
    return this.#run(unit, say.order(order));
  }

  timer(unit: number, timer: UnitTimer): void {
    const handBack = timer === 'hand back';
    if (handBack && unit === 0) this.s.unflushed = false;
    this.#run(unit, this.#links(unit), say.timer(timer));
  }

  flushed(unit: number): void {
    if (unit === 0) this.s.unflushed = false;
    this.#run(unit, say.event('flushed'));
  }

  saved(unit: number): void {
    const u = this.s.units[unit]!;
    u.durable = this.steps.recordId(this.steps.at(u.t).record);
    this.#run(unit, say.event('saved'));
  }

  // Links.

  hearUpper(link: number): void {
    const l = this.s.links[link]!;
    if (!upperRuns(this.s, link)) l.toUpper = 0;
    else this.#tellUpper(link, rules.upperHears(l));
  }

  hearLower(link: number): void {
    const l = this.s.links[link]!;
    if (!this.s.units[link]!.pti) {
      l.toLower = 0;
      return;
    }
    const told = rules.lowerHears(l).map((notice) => LOWER[notice]);
    if (told.length > 0) this.#run(link, this.#links(link), ...told);
  }

  readyBelow(link: number): void {
    const notice = rules.lowerReady(this.s.links[link]!);
    this.#run(link, this.#links(link), LOWER[notice]);
  }

  readyAbove(link: number): void {
    this.#tellUpper(link, rules.upperReady(this.s.links[link]!));
  }

  retry(link: number, by: 'upper' | 'lower'): void {
    rules.tryAgain(this.s.links[link]!, by);
  }

  interrupt(link: number): void {
    rules.interrupt(this.s.links[link]!);
  }

  signature(link: number): void {
    this.s.links[link]!.signature = false;
    if (link > 0) this.#run(link - 1, say.side('pto', 'signature'));
    else if (!this.s.host.gaveUp) this.#hostIdentifies();
  }

  /** The unit below answers IDENTIFY. */
  identity(link: number): void {
    this.s.links[link]!.asking = false;
    const found = this.steps.answer(this.s.units[link]!.t);
    this.#run(link - 1, say.identity('pto', found));
  }

  toggleCable(link: number): void {
    const l = this.s.links[link]!;
    l.cut = !l.cut;
    if (l.cut) rules.interrupt(l);
  }

  // Bays.

  fill(unit: number, drive: number): void {
    const bay = this.s.bays[unit]!;
    bay.drive = drive;
    if (this.s.units[unit]!.ddi) bay.toUpper = drive === 0 ? SILENCE : BURST;
  }

  hearBay(unit: number): void {
    const bay = this.s.bays[unit]!;
    const signal = bay.toUpper;
    bay.toUpper = 0;
    const event = signal === SILENCE ? 'lost' : 'exchanged';
    if (bay.ddi === 0) return;
    bay.ddi = 0;
    this.#run(unit, this.#links(unit), say.side('ddi', event));
  }

  bayReady(unit: number): void {
    this.s.bays[unit]!.ddi = 1;
    this.#run(unit, this.#links(unit), say.side('ddi', 'seen'));
  }

  baySigns(unit: number): void {
    const bay = this.s.bays[unit]!;
    bay.ddi = 2;
    const found = foundInBay(bay.drive);
    this.#run(unit, say.side('ddi', 'signature'));
    this.#run(unit, say.identity('ddi', found));
  }

  // Power.

  powerUnit(unit: number): void {
    const u = this.s.units[unit]!;
    u.power = !u.power;
    u.t = this.steps.dark(u.durable);
    if (u.power) {
      this.#run(unit, say.event('power good'));
      return;
    }
    u.pti = false;
    u.pto = false;
    u.ddi = false;
    rules.lowerLine(this.s.links[unit]!, 'OFFLINE');
    const next = this.s.links[unit + 1];
    if (next) rules.upperLine(next, 'OFFLINE');
    const bay = this.s.bays[unit]!;
    bay.ddi = 0;
    bay.toUpper = 0;
    if (unit === 0) this.s.unflushed = false;
  }

  powerHost(): void {
    const { host } = this.s;
    host.power = !host.power;
    rules.upperLine(this.s.links[0]!, host.power ? 'RUN' : 'OFFLINE');
    this.#hostDrops();
  }

  hostReset(): void {
    rules.upperLine(this.s.links[0]!, 'FORCE_RESET');
    this.#hostDrops();
  }

  #tellUpper(link: number, event: rules.UpperNotice | undefined): void {
    if (event === undefined) return;
    if (link > 0) {
      const inputs: Numbered[] = [this.#links(link - 1)];
      if (event !== 'up') inputs.push(say.side('pto', event));
      this.#run(link - 1, ...inputs);
      return;
    }
    if (event === 'lost' || event === 'exchanged') this.#hostDrops();
    this.s.host.gaveUp = false;
    this.s.host.alarmed = event === 'exchanged';
  }

  #hostDrops(): void {
    this.s.host.disk = 0;
    this.s.host.gaveUp = false;
    this.s.host.alarmed = false;
  }

  #hostIdentifies(): void {
    const found = this.steps.answer(this.s.units[0]!.t);
    if (!found) {
      this.hostReset();
      return;
    }
    const list = this.lists.of(found);
    const had = this.lists.at(this.s.had);
    const whole = had === null || had.every((drive, i) => list[i] === drive);
    if (!whole && !this.s.agreed) {
      this.wrong = `the host had ${JSON.stringify(had)} and is shown ${JSON.stringify(list)}, which nobody agreed to`;
    }
    if (!whole) this.s.agreed = false;
    this.s.host.disk = this.lists.idOf(list);
    this.s.had = this.s.host.disk;
  }

  #links(unit: number): Numbered {
    const next = this.s.links[unit + 1];
    const bay = this.s.bays[unit]!;
    const seen = this.s.units[unit]!.ddi && (bay.drive > 0 || bay.ddi > 0);
    return say.links(this.s.links[unit]!.lower, next?.upper === 2, seen, (next?.upper ?? 0) > 0);
  }

  /** Inputs to a unit, and what its control lines set off, to the end. */
  #run(unit: number, ...inputs: readonly Numbered[]): boolean {
    const todo: Todo[] = inputs.map((input) => ({ unit, input }));
    const u = this.s.units[unit]!;
    if (!u.power) return false;
    let refused = false;
    for (let i = 0; i < todo.length; i += 1) {
      const next = todo[i]!;
      if ('deed' in next) {
        this.#do(unit, next.deed, todo);
        continue;
      }
      const step = this.steps.step(u.t, next.input);
      u.t = step.t;
      refused ||= step.refused;
      for (const deed of step.deeds) todo.push({ unit, deed });
    }
    u.t = this.steps.forget(u.t);
    if (unit === 0) this.#watchOwner();
    this.lists.learn(this.steps, u.t);
    return !refused;
  }

  #watchOwner(): void {
    const { state } = this.pttrsm(0);
    if (state === 'T8') this.s.unflushed = true;
    // A disabled unit's drive keeps what it has; nobody is promised anything before it is enabled.
    if (state === 'T7') this.s.unflushed = false;
  }

  #do(unit: number, deed: UnitDeed, todo: Todo[]): void {
    const u = this.s.units[unit]!;
    if (deed.is === 'signature') {
      if (this.s.links[unit]!.lower) this.s.links[unit]!.signature = true;
      return;
    }
    if (deed.is === 'identify') {
      const below = this.s.links[unit + 1];
      if (deed.port === 'pto' && below) below.asking = true;
      return;
    }
    const tell = (...inputs: Numbered[]): void => void todo.push(...inputs.map((input) => ({ unit, input })));
    const { port, line } = deed;
    if (line === 'RUN') u[port] = true;
    else if (line === 'OFFLINE') u[port] = false;
    else if (!u[port]) return;
    if (port === 'pti') {
      const l = this.s.links[unit]!;
      if (rules.lowerLine(l, line as 'RUN' | 'OFFLINE' | 'FORCE_COMINIT'))
        tell(this.#links(unit), LOWER.lost);
    } else if (port === 'pto') {
      const l = this.s.links[unit + 1];
      if (!l) return;
      const fell = rules.upperLine(l, line as 'RUN' | 'OFFLINE' | 'FORCE_RESET');
      if (fell) tell(this.#links(unit), say.side('pto', 'lost'));
    } else {
      const bay = this.s.bays[unit]!;
      const wasUp = bay.ddi > 0;
      bay.ddi = 0;
      bay.toUpper = 0;
      if (wasUp) tell(this.#links(unit), say.side('ddi', 'lost'));
    }
  }
}

/** The upper end of a link is on. */
export const upperRuns = (s: ChainState, link: number): boolean =>
  link === 0 ? s.host.power : s.units[link - 1]!.pto;

const LOWER: Readonly<Record<rules.LowerNotice, Numbered>> = {
  COMRESET: say.event('COMRESET'),
  lost: say.event('pti lost'),
  up: say.event('pti up'),
};
