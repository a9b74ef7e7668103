import { DEVICE_PHY, type DevicePhyState, stepDevicePhy } from '../phy/device-phy.ts';
import { HOST_PHY, type HostPhyState, stepHostPhy } from '../phy/host-phy.ts';
import { newPhy, type Phy, type PhyEvent, type PhyLine, type PhyNotice } from '../phy/phy.ts';
import { obeyScontrol, underScontrol } from '../phy/scontrol.ts';
import type { PhyStep } from '../phy/step.ts';
import { isUp } from '../phy/table.ts';
import { hostIsServed, ownerIsServed } from '../pttrsm/guards.ts';
import type { TOutput } from '../pttrsm/pttrsm.ts';
import { newPttrsm, stepPttrsm, type TInput } from '../pttrsm/step.ts';
import type { UnitTimings } from './timings.ts';
import type { Port, TimerSlot, Unit, UnitInput, UnitOutput } from './unit.ts';

export interface UnitStep {
  readonly state: Unit;
  readonly outputs: readonly UnitOutput[];
}

/** No input sets off more turns between the machines than this. */
const MOST_TURNS = 64;

type Draft = { -readonly [K in keyof Unit]: Unit[K] };
type Todo =
  | { readonly to: 'port'; readonly port: Port; readonly event: PhyEvent }
  | { readonly to: 'pttrsm'; readonly input: TInput };

/** One input to its end: the ports first, what they notice to PTTRSM, its control lines back to the ports. Pure. */
export function stepUnit(before: Unit, input: UnitInput, timings: UnitTimings): UnitStep {
  if (input.is === 'power') return input.on ? powerOn(before, input.record, timings) : powerOff(before);
  if (!before.power) return input.is === 'level' ? unheard(before, input.port, input.level) : nothing(before);
  if (input.is === 'scontrol') return writeScontrol(before, input, timings);
  // A FIS on a link that is not ready is noise.
  if (input.is === 'signature' && !isUp(HOST_PHY, before[input.port])) return nothing(before);
  const waited = input.is === 'timer' && (input.timer === 'local' || input.timer === 'below');
  const look: Todo[] = waited ? [{ to: 'pttrsm', input: linksOf(before) }] : [];
  return run(before, [...look, first(input)], input, timings);
}

function run(before: Unit, todo: Todo[], input: UnitInput, timings: UnitTimings): UnitStep {
  const unit: Draft = { ...before };
  const out: UnitOutput[] = [];
  for (let turn = 0; turn < todo.length && turn < MOST_TURNS; turn += 1) {
    const next = todo[turn]!;
    if (next.to === 'port') todo.push(...stepPort(unit, next.port, next.event, timings, out));
    else {
      const step = stepPttrsm(unit.t, next.input, timings.hold !== null);
      unit.t = step.t;
      if (step.refused && (input.is === 'order' || input.is === 'enrol')) {
        out.push({ is: 'refused', what: input.is === 'order' ? input.order : 'enrol' });
      }
      for (const output of step.outputs) carryOut(output, unit, todo, out, timings);
    }
  }
  return { state: unit, outputs: [...aborts(before, unit), ...out] };
}

function first(input: Exclude<UnitInput, { is: 'power' | 'scontrol' }>): Todo {
  const port = (port: Port, event: PhyEvent): Todo => ({ to: 'port', port, event });
  const pttrsm = (input: TInput): Todo => ({ to: 'pttrsm', input });
  switch (input.is) {
    case 'level':
      return port(input.port, input);
    case 'sleep':
      return port(input.port, { is: 'line', line: input.depth });
    case 'wake':
      return port(input.port, { is: 'line', line: 'wake' });
    case 'timer':
      return isPort(input.timer)
        ? port(input.timer, { is: 'timer' })
        : pttrsm({ is: 'timer', timer: input.timer });
    case 'signature':
      return pttrsm({ is: 'side', port: input.port, event: 'signature' });
    case 'identity':
      return pttrsm(
        input.found
          ? { is: 'side', port: input.port, event: 'identity', found: input.found }
          : { is: 'side', port: input.port, event: 'no identity' },
      );
    case 'order':
    case 'enrol':
    case 'places':
      return pttrsm(input);
    case 'saved':
    case 'flushed':
      return pttrsm({ is: 'event', event: input.is });
  }
}

const onLine = (port: Port, line: PhyLine): Todo => ({ to: 'port', port, event: { is: 'line', line } });

const isPort = (slot: TimerSlot): slot is Port => slot === 'pti' || slot === 'pto' || slot === 'ddi';

function stepPort(unit: Draft, port: Port, event: PhyEvent, timings: UnitTimings, out: UnitOutput[]): Todo[] {
  if (event.is === 'timer' && unit[port].timer === null) return [];
  let step: PhyStep<DevicePhyState> | PhyStep<HostPhyState>;
  if (port === 'pti') {
    step = stepDevicePhy(unit.pti, event, timings.phy);
    unit.pti = step.phy as Phy<DevicePhyState>;
  } else {
    step = stepHostPhy(unit[port], event, timings.phy);
    unit[port] = step.phy as Phy<HostPhyState>;
  }
  if (step.timer === 'stop') out.push({ is: 'stop', timer: port });
  else if (step.timer) out.push({ is: 'start', timer: port, after: step.timer.after, name: step.timer.name });
  if (step.transmit !== undefined) out.push({ is: 'transmit', port, level: step.transmit });
  if (step.notices.length === 0) return [];
  return [linksOf(unit), ...step.notices.flatMap((notice) => tell(port, notice))].map((input) => ({
    to: 'pttrsm',
    input,
  }));
}

const linksOf = (unit: Unit): TInput => ({
  is: 'links',
  ptiUp: isUp(DEVICE_PHY, unit.pti),
  ptoUp: isUp(HOST_PHY, unit.pto),
  seen: { local: unit.ddi.seen, below: unit.pto.seen },
});

/** What PTTRSM hears of a port's notice. */
function tell(port: Port, notice: PhyNotice): TInput[] {
  if (port === 'pti') {
    if (notice === 'COMRESET') return [{ is: 'event', event: 'COMRESET' }];
    if (notice === 'up' || notice === 'lost') return [{ is: 'event', event: `pti ${notice}` }];
    return [];
  }
  return notice === 'up' || notice === 'COMRESET' ? [] : [{ is: 'side', port, event: notice }];
}

function carryOut(output: TOutput, unit: Unit, todo: Todo[], out: UnitOutput[], timings: UnitTimings): void {
  switch (output.is) {
    case 'line':
      for (const line of underScontrol(unit[output.port], output.line)) todo.push(onLine(output.port, line));
      break;
    case 'timer': {
      const after = timings[output.wait];
      if (after !== null) out.push({ is: 'start', timer: output.timer, after, name: output.timer });
      break;
    }
    case 'signature':
    case 'identify':
    case 'stop':
    case 'persist':
    case 'flush':
      out.push(output);
      break;
  }
}

/** Whoever was served and is no longer. */
function aborts(before: Unit, after: Unit): UnitOutput[] {
  const out: UnitOutput[] = [];
  if (hostIsServed(before.t) && !hostIsServed(after.t)) out.push({ is: 'abort', scope: 'host' });
  if (ownerIsServed(before.t) !== 'no' && ownerIsServed(after.t) === 'no') {
    out.push({ is: 'abort', scope: 'bmc' });
  }
  return out;
}

function powerOn(before: Unit, record: Unit['t']['record'], timings: UnitTimings): UnitStep {
  if (before.power) return nothing(before);
  const unit: Unit = { ...before, power: true, t: newPttrsm(record) };
  const input: TInput = { is: 'event', event: 'power good' };
  return run(unit, [{ to: 'pttrsm', input }], { is: 'power', on: true, record }, timings);
}

function writeScontrol(
  before: Unit,
  input: Extract<UnitInput, { is: 'scontrol' }>,
  timings: UnitTimings,
): UnitStep {
  const { port, value } = input;
  const { phy, lines } = obeyScontrol<string>(before[port], value, port === 'pti' ? 'device' : 'host');
  // A disabled unit's ports stay silent; SControl counts once it is enabled.
  const obeyed = before.t.state === 'T7' ? [] : lines;
  const todo = obeyed.map((line) => onLine(port, line));
  return run({ ...before, [port]: phy }, todo, input, timings);
}

/** Nothing but the record outlives it, and the levels that still lie on the wires. */
function powerOff(before: Unit): UnitStep {
  if (!before.power) return nothing(before);
  const out: UnitOutput[] = [];
  const dark = <S extends string>(phy: Phy<S>, initial: S, port: Port): Phy<S> => {
    if (phy.timer !== null) out.push({ is: 'stop', timer: port });
    if (phy.sent !== 'idle') out.push({ is: 'transmit', port, level: 'idle' });
    return { ...newPhy(initial, phy.capable), heard: phy.heard };
  };
  const pti = dark(before.pti, 'DP1', 'pti');
  const pto = dark(before.pto, 'HP1', 'pto');
  const ddi = dark(before.ddi, 'HP1', 'ddi');
  const timers = Object.entries(before.t.timers) as [TimerSlot, boolean][];
  for (const [timer, running] of timers) if (running) out.push({ is: 'stop', timer });
  const state: Unit = { power: false, pti, pto, ddi, t: newPttrsm(before.t.record) };
  return { state, outputs: [...aborts(before, state), ...out] };
}

function unheard(before: Unit, port: Port, level: Unit['pti']['heard']): UnitStep {
  return { state: { ...before, [port]: { ...before[port], heard: level } }, outputs: [] };
}

const nothing = (state: Unit): UnitStep => ({ state, outputs: [] });
