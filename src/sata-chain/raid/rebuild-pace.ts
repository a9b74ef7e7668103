import { millis, type Nanoseconds, nanoseconds } from '../time.ts';

/** What holds a copy back. Absent where it is not known or not limited. */
export interface PaceLimits {
  /** Bytes a second that a copy is always allowed, so that it ends whatever the load. Default 1 MiB. */
  readonly leastRate?: number;
  /** Bytes a second that the operator allows at most. */
  readonly mostRate?: number;
  /** Bytes of memory that a piece may take. Default 1 MiB. */
  readonly largestPiece?: number;
  /** Latency of the host's commands above which the copy yields. Default 20 ms. */
  readonly latencyAim?: Nanoseconds;
  /** Slowing begins here and only the least rate is left at `hottest`, in thousandths of a degree Celsius. */
  readonly warm?: number;
  readonly hottest?: number;
  /** Power that the drives may draw, in milliwatts. */
  readonly powerBudget?: number;
}

/** The state of the machine as it is now. */
export interface PaceInputs {
  readonly hostInFlight: number;
  /** Of recent host commands; undefined where there were none. */
  readonly hostLatency: Nanoseconds | undefined;
  /** Thousandths of a degree Celsius. */
  readonly temperature?: number;
  /** Milliwatts drawn now. */
  readonly power?: number;
  /** The last piece. */
  readonly last?: { readonly bytes: number; readonly took: Nanoseconds };
}

export interface Pace {
  /** Bytes of the next piece: a power of two, between the limits below or as small as `largestPiece` asks for. */
  readonly piece: number;
  /** To wait before it. */
  readonly pause: Nanoseconds;
}

export const SMALLEST_PIECE = 64 * 1024;
export const LARGEST_PIECE = 1024 * 1024;
/** No pause is longer: limits change, and nobody should wait long for that to show. */
export const LONGEST_PAUSE = millis(1000);

const LEAST_RATE = 1024 * 1024;
const LATENCY_AIM = millis(20);
const WARM = 60_000;
const HOTTEST = 70_000;
/** Below this share of the budget the draw does not slow a copy. */
const POWER_SHARE = 0.9;

/** The share, 0 to 1, of its full speed that each influence leaves to a copy. */
export function shares(inputs: PaceInputs, limits: PaceLimits): Record<'load' | 'heat' | 'power', number> {
  const aim = limits.latencyAim ?? LATENCY_AIM;
  const slow = inputs.hostLatency === undefined || inputs.hostInFlight === 0 ? 0 : inputs.hostLatency / aim;
  const busy = 1 / (1 + inputs.hostInFlight);
  const load = slow > 1 ? busy / slow : busy;
  const warm = limits.warm ?? WARM;
  const hottest = Math.max(limits.hottest ?? HOTTEST, warm + 1);
  const heat = inputs.temperature === undefined ? 1 : 1 - (inputs.temperature - warm) / (hottest - warm);
  const budget = limits.powerBudget;
  const power =
    inputs.power === undefined || budget === undefined
      ? 1
      : (budget - inputs.power) / (Math.max(budget, 1) * (1 - POWER_SHARE));
  return { load: clamp(load), heat: clamp(heat), power: clamp(power) };
}

const clamp = (share: number): number => (Number.isFinite(share) ? Math.min(1, Math.max(0, share)) : 0);

/**
 * The next piece and the pause before it. The scarcest of load, heat and power counts; the operator's cap holds
 * beside it, and the least rate under all of them but the cap. A slow piece is followed by smaller ones, so that a
 * host command waits behind little.
 */
export function nextPace(inputs: PaceInputs, limits: PaceLimits): Pace {
  const { load, heat, power } = shares(inputs, limits);
  const share = Math.min(load, heat, power);
  const piece = pieceFor(share, inputs, limits);
  const { last } = inputs;
  // A share of s means that of each stretch of time the drives belong to the copy for s.
  const took = last === undefined ? 0 : (last.took * piece) / Math.max(1, last.bytes);
  const byShare = share >= 1 ? 0 : took * (1 / Math.max(share, 1e-6) - 1);
  const atLeast = Math.max(0, timeFor(piece, limits.leastRate ?? LEAST_RATE) - took);
  const atMost = limits.mostRate === undefined ? 0 : timeFor(piece, Math.max(1, limits.mostRate)) - took;
  const pause = Math.max(Math.min(byShare, atLeast), atMost, 0);
  return { piece, pause: nanoseconds(Math.round(Math.min(pause, LONGEST_PAUSE))) };
}

const timeFor = (bytes: number, rate: number): number => (bytes / rate) * 1e9;

function pieceFor(share: number, inputs: PaceInputs, limits: PaceLimits): number {
  const aim = limits.latencyAim ?? LATENCY_AIM;
  const { last } = inputs;
  const largest = limits.largestPiece ?? LARGEST_PIECE;
  const inAim = last === undefined || last.took === 0 ? largest : (last.bytes * aim) / last.took;
  const wanted = Math.min(largest * share, inAim, limits.mostRate ?? largest);
  const power = 2 ** Math.floor(Math.log2(Math.max(wanted, 1)));
  return Math.min(largest, Math.max(SMALLEST_PIECE, power));
}
