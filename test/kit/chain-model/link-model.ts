import { DEVICE_PHY, type DevicePhyState } from '../../../src/sata-chain/phy/device-phy.ts';
import { HOST_PHY, type HostPhyState } from '../../../src/sata-chain/phy/host-phy.ts';
import type { Level } from '../../../src/sata-chain/phy/level.ts';
import { newPhy, type Phy, type PhyLine, type PhyNotice } from '../../../src/sata-chain/phy/phy.ts';
import type { Model, Step } from '../explorer/explore.ts';
import { Interner } from './interner.ts';
import { brokenLink, falseNotice, held, wrongLinkAtRest } from './link-checks.ts';
import type { LinkEnds, LinkKind, LinkNotices, LinkTables, LinkView } from './link-view.ts';
import { Port, RANK } from './port.ts';

/** More changes of one transmitter than this are never under way: the oldest was overwritten. */
const LONGEST_QUEUE = 3;
const SLEEP: readonly PhyLine[] = ['partial', 'slumber', 'wake'];

const H_RIPE = 1;
const D_RIPE = 2;
const CUT_DOWN = 4;
const CUT_UP = 8;
const SPOILT = 16;
const STALE = 32;
const BLIND = 64;

const HOST_LINES: readonly PhyLine[] = ['FORCE_RESET', 'HOLD_RESET', 'RELEASE'];
const DEVICE_LINES: readonly PhyLine[] = ['FORCE_COMINIT'];

/** A link while a step of it is worked out. */
interface Draft {
  h: number;
  d: number;
  down: readonly Level[];
  up: readonly Level[];
  flags: number;
  notices: { host: PhyNotice[]; device: PhyNotice[] };
}

export interface LinkStep extends Step<string> {
  readonly notices: LinkNotices;
}

/**
 * One host phy, one device phy and the two pairs between them, with all that can be done to them. A level under way may be
 * overwritten by the next before it is heard; the last one always arrives. A timer may be over at any moment, however much
 * else is going on, once there was a moment since it was started in which nothing of a lower rank was left to do: before
 * that, not enough time can have passed.
 */
export class LinkModel implements Model<string> {
  readonly initial: readonly string[];
  readonly #host: Port<HostPhyState>;
  readonly #device: Port<DevicePhyState>;
  readonly #kind: LinkKind;
  readonly #queues = new Interner<readonly Level[]>((queue) => queue.join());

  constructor(ends: LinkEnds, kind: LinkKind, tables: LinkTables = { host: HOST_PHY, device: DEVICE_PHY }) {
    this.#kind = kind;
    this.#host = new Port(tables.host);
    this.#device = new Port(tables.device);
    const h = this.#host.idOf({ ...newPhy<HostPhyState>('HP1', ends.host), denies: ends.hostDenies });
    const d = this.#device.idOf({ ...newPhy<DevicePhyState>('DP1', ends.device), denies: ends.deviceDenies });
    this.initial = [this.#write({ h, d, down: [], up: [], flags: 0, notices: { host: [], device: [] } })];
  }

  encode(state: string): string {
    return state;
  }

  decode(key: string): string {
    return key;
  }

  view(state: string): LinkView {
    const { h, d, down, up, flags } = this.#read(state);
    return {
      host: this.#host.at(h),
      device: this.#device.at(d),
      hostUp: this.#host.isUp(h),
      deviceUp: this.#device.isUp(d),
      down,
      up,
      cutDown: (flags & CUT_DOWN) !== 0,
      cutUp: (flags & CUT_UP) !== 0,
      spoilt: (flags & SPOILT) !== 0,
      stale: (flags & STALE) !== 0,
      blind: (flags & BLIND) !== 0,
    };
  }

  steps(state: string): readonly LinkStep[] {
    const steps: LinkStep[] = [];
    const from = this.#read(state);
    const add = (label: string, internal: boolean, work: (draft: Draft) => void): void => {
      const draft: Draft = { ...from, notices: { host: [], device: [] } };
      work(draft);
      const next = this.#write(draft);
      if (next !== state || draft.notices.host.length > 0 || draft.notices.device.length > 0) {
        steps.push({ label, internal, next, notices: draft.notices });
      }
    };
    this.#machines(from, add);
    this.#world(from, add);
    return steps;
  }

  invariant(state: string): string | undefined {
    return brokenLink(this.view(state));
  }

  edge(from: string, step: Step<string>): string | undefined {
    return falseNotice(this.view(from), (step as LinkStep).notices);
  }

  settled(state: string): string | undefined {
    return wrongLinkAtRest(this.view(state));
  }

  #machines(
    from: Draft,
    add: (label: string, internal: boolean, work: (draft: Draft) => void) => void,
  ): void {
    if (from.down.length > 0)
      add(`device hears ${from.down[0]}`, true, (draft) => this.#deliver(draft, 'down'));
    if (from.up.length > 0) add(`host hears ${from.up[0]}`, true, (draft) => this.#deliver(draft, 'up'));
    if (this.#kind.wire === 'cable' && (from.down.length > 0 || from.up.length > 0)) return;
    const host = this.#host.at(from.h);
    const device = this.#device.at(from.d);
    const hears = from.down.length > 0 || from.up.length > 0;
    // A parked port goes on trying, slowly, for ever: that ends only where somebody can answer.
    const answered = host.line === 'run' && device.line === 'run' && (from.flags & (CUT_DOWN | CUT_UP)) === 0;
    for (const side of ['host', 'device'] as const) {
      const timer = side === 'host' ? host.timer : device.timer;
      if (timer === null) continue;
      const ripe = (from.flags & (side === 'host' ? H_RIPE : D_RIPE)) !== 0;
      if (RANK[timer] > 0 && !ripe && this.#busy(from, RANK[timer], hears)) continue;
      const internal = timer !== 'parked' || (answered && !held(host));
      add(`${side} ${timer}`, internal, (draft) => this.#step(draft, side, { is: 'timer' }));
    }
  }

  /** Something of a lower rank is left to do. */
  #busy(draft: Draft, rank: number, hears: boolean): boolean {
    if (hears) return true;
    const { timer: host } = this.#host.at(draft.h);
    const { timer: device } = this.#device.at(draft.d);
    return (host !== null && RANK[host] < rank) || (device !== null && RANK[device] < rank);
  }

  #world(from: Draft, add: (label: string, internal: boolean, work: (draft: Draft) => void) => void): void {
    const act = (label: string, work: (draft: Draft) => void): void =>
      add(label, false, (draft) => {
        work(draft);
      });
    const host = this.#host.at(from.h);
    const device = this.#device.at(from.d);
    const linesOf = (line: Phy<string>['line'], more: readonly PhyLine[]): readonly PhyLine[] =>
      line === 'run'
        ? [...more, ...(this.#kind.sleep ? SLEEP : []), 'OFF', 'OFFLINE']
        : line === 'off'
          ? ['RUN']
          : ['RUN', 'OFF'];
    for (const line of linesOf(host.line, HOST_LINES)) {
      act(`host ${line}`, (draft) => this.#step(draft, 'host', { is: 'line', line }));
    }
    for (const line of linesOf(device.line, DEVICE_LINES)) {
      act(`device ${line}`, (draft) => this.#step(draft, 'device', { is: 'line', line }));
    }
    for (const pair of ['down', 'up'] as const) {
      const bit = pair === 'down' ? CUT_DOWN : CUT_UP;
      const cut = (from.flags & bit) !== 0;
      act(`${pair} ${cut ? 'joined' : 'cut'}`, (draft) => {
        this.#spoil(draft);
        draft.flags ^= bit;
        draft[pair] = [];
        if (!cut) this.#step(draft, pair === 'down' ? 'device' : 'host', { is: 'level', level: 'idle' });
        const sent = cut ? (pair === 'down' ? host.sent : device.sent) : 'idle';
        this.#queue(draft, pair, sent);
      });
      if (this.#kind.loss && from[pair].length > 1) {
        act(`${pair} ${from[pair][0]} is overwritten`, (draft) => {
          this.#spoil(draft);
          this.#overwrite(draft, pair);
        });
      }
    }
  }

  #spoil(draft: Draft): void {
    const { state } = this.#device.at(draft.d);
    if (state === 'DP6' || state === 'DP10') draft.flags |= SPOILT;
    const host = this.#host.at(draft.h);
    if (host.asleep !== null || host.state === 'HP8A') draft.flags |= BLIND;
  }

  #overwrite(draft: Draft, pair: 'down' | 'up'): void {
    const [, ...rest] = draft[pair];
    draft[pair] = [];
    for (const level of rest) this.#queue(draft, pair, level);
  }

  #deliver(draft: Draft, pair: 'down' | 'up'): void {
    const [level, ...rest] = draft[pair];
    draft[pair] = rest;
    this.#step(draft, pair === 'down' ? 'device' : 'host', { is: 'level', level: level! });
  }

  #queue(draft: Draft, pair: 'down' | 'up', level: Level): void {
    const queue = draft[pair];
    const heard = pair === 'down' ? this.#device.at(draft.d).heard : this.#host.at(draft.h).heard;
    if ((queue.at(-1) ?? heard) === level) return;
    draft[pair] = [...queue, level];
    if (draft[pair].length > LONGEST_QUEUE) this.#overwrite(draft, pair);
  }

  #step(draft: Draft, side: 'host' | 'device', event: Parameters<Port<never>['step']>[1]): void {
    const port = side === 'host' ? this.#host : this.#device;
    const pair = side === 'host' ? 'down' : 'up';
    const step = port.step(side === 'host' ? draft.h : draft.d, event);
    const ripe = side === 'host' ? H_RIPE : D_RIPE;
    if (side === 'host') draft.h = step.id;
    else draft.d = step.id;
    if (step.started || port.at(step.id).timer === null) draft.flags &= ~ripe;
    draft.notices[side].push(...step.notices);
    const cut = (draft.flags & (pair === 'down' ? CUT_DOWN : CUT_UP)) !== 0;
    if (step.transmit !== undefined && !cut) this.#queue(draft, pair, step.transmit);
    if (step.transmit !== undefined && cut) this.#spoil(draft);
    if (side === 'device') {
      const { state, line } = this.#device.at(step.id);
      if (state === 'DP1' || state === 'DP5' || line !== 'run') draft.flags &= ~SPOILT;
      const fell = step.notices.includes('lost') || line !== 'run';
      if (fell && this.#host.isUp(draft.h)) draft.flags |= STALE;
    }
    if (!this.#host.isUp(draft.h)) draft.flags &= ~(STALE | BLIND);
  }

  #read(state: string): Draft {
    return {
      h: state.charCodeAt(0),
      d: state.charCodeAt(1),
      down: this.#queues.at(state.charCodeAt(2)),
      up: this.#queues.at(state.charCodeAt(3)),
      flags: state.charCodeAt(4),
      notices: { host: [], device: [] },
    };
  }

  /** Timers that nothing shorter holds up any more are ripe from here on. */
  #write(draft: Draft): string {
    const { h, d, down, up } = draft;
    let { flags } = draft;
    const hears = down.length > 0 || up.length > 0;
    const { timer: host } = this.#host.at(h);
    const { timer: device } = this.#device.at(d);
    if (host !== null && !this.#busy(draft, RANK[host], hears)) flags |= H_RIPE;
    if (device !== null && !this.#busy(draft, RANK[device], hears)) flags |= D_RIPE;
    if (host === null || RANK[host] === 0) flags &= ~H_RIPE;
    if (device === null || RANK[device] === 0) flags &= ~D_RIPE;
    return String.fromCharCode(h, d, this.#queues.idOf(down), this.#queues.idOf(up), flags);
  }
}
