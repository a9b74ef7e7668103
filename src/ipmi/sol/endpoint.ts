import { concatBytes, type Duration, milliseconds } from '../../base/index.ts';
import { SOL_NACK, type SolPacket } from './packet.ts';

/** Bounds of one end. */
export interface SolTerms {
  /** Characters in one packet. */
  readonly most: number;
  /** Bytes that wait to be sent before there is no room. */
  readonly queue: number;
  /** Before the first repetition; each further wait is twice as long, up to `longest`. */
  readonly first: Duration;
  readonly longest: Duration;
  /** For one packet, with all its repetitions. */
  readonly total: Duration;
  /** Between a packet that was not taken, and its rest under the next number. */
  readonly breath: Duration;
  /** How long the other end may go on taking nothing. */
  readonly stall: Duration;
}

/** Why an end gave up: the other end acknowledged nothing, or takes nothing. */
export type SolFault = 'silent' | 'stalled';

/** Characters, or flags that travel in a packet of their own, in order with the characters. */
type Waiting = Uint8Array | number;

interface Sending {
  readonly packet: SolPacket;
  readonly tries: number;
  readonly since: Duration;
  readonly due: Duration;
}

interface Heard {
  readonly number: number;
  readonly accepted: number;
  readonly nack: boolean;
}

/**
 * One end of Serial over LAN (IPMI 2.0, 15.9 to 15.11): one packet of each direction is under way at a time. The way between
 * may lose and repeat packets, and never turns their order round: whoever feeds it drops what comes after a later one.
 */
export interface SolState {
  readonly terms: SolTerms;
  readonly number: number;
  readonly sending: Sending | undefined;
  readonly waiting: readonly Waiting[];
  readonly bytesWaiting: number;
  /** The other end's last numbered packet, and what was said to it. */
  readonly heard: Heard | undefined;
  /** In every packet until changed. */
  readonly standing: number;
  /** The standing flags are to be told when the quiet is over. */
  readonly untold: boolean;
  /** In the next new packet only. */
  readonly once: number;
  readonly quietUntil: Duration;
  readonly notBefore: Duration;
  /** The other end has asked to be sent no characters; it is tried again now and then, for its word may have been lost. */
  readonly held: boolean;
  readonly refusedSince: Duration | undefined;
  readonly fault: SolFault | undefined;
}

export type SolEvent =
  /** Whoever writes has looked at solRoom before. */
  | { readonly is: 'write'; readonly bytes: Uint8Array }
  /** Flags in order with the characters, repeated until they are acknowledged: a break. */
  | { readonly is: 'signal'; readonly flags: number }
  /** Flags that are in every packet from now on, and told at once. */
  | { readonly is: 'stand'; readonly flags: number }
  /** Flags with the next packet that leaves anyway. */
  | { readonly is: 'mention'; readonly flags: number }
  /** `room`: how many characters may be taken now. `hold`: its flags ask to be sent none. */
  | { readonly is: 'packet'; readonly packet: SolPacket; readonly room: number; readonly hold: boolean }
  /** Drops what has not been sent yet. */
  | { readonly is: 'flush' }
  | { readonly is: 'time' };

export interface SolStep {
  readonly state: SolState;
  readonly send: readonly SolPacket[];
  readonly deliver: Uint8Array;
  /** Of a packet that came, and is not a repetition. */
  readonly flags: number | undefined;
}

const NONE = new Uint8Array(0);
const MERGED = 256;
const LAST_NUMBER = 15;

/** `quietUntil`: nothing is sent of its own accord before. */
export function solEndpoint(terms: SolTerms, quietUntil = milliseconds(0)): SolState {
  return {
    terms,
    number: 0,
    sending: undefined,
    waiting: [],
    bytesWaiting: 0,
    heard: undefined,
    standing: 0,
    once: 0,
    notBefore: quietUntil,
    quietUntil,
    untold: false,
    held: false,
    refusedSince: undefined,
    fault: undefined,
  };
}

/** True where so many bytes may be written; with nothing waiting, any length may. */
export const solRoom = (state: SolState, count: number): boolean =>
  state.fault === undefined &&
  (state.bytesWaiting === 0 || unsaid(state) + count <= state.terms.queue) &&
  state.waiting.length < state.terms.queue;

/** What is under way may come back. */
const unsaid = ({ bytesWaiting, sending }: SolState): number =>
  bytesWaiting + (sending?.packet.characters.byteLength ?? 0);

/** When a 'time' is due, if nothing else happens before. */
export function solDue(state: SolState): Duration | undefined {
  const { fault, sending, waiting, notBefore, untold, quietUntil } = state;
  if (fault !== undefined) return undefined;
  const due = sending?.due ?? (waiting.length > 0 ? notBefore : undefined);
  return untold ? milliseconds(Math.min(due ?? quietUntil, quietUntil)) : due;
}

/** The whole of the protocol; after a fault nothing happens any more. */
export function solStep(state: SolState, event: SolEvent, now: Duration): SolStep {
  if (state.fault !== undefined) return still(state);
  switch (event.is) {
    case 'write':
      return next(withBytes(state, event.bytes), now);
    case 'signal':
      return next({ ...state, waiting: [...state.waiting, event.flags] }, now);
    case 'mention':
      return still({ ...state, once: state.once | event.flags });
    case 'stand':
      if (event.flags === state.standing) return still(state);
      return next({ ...state, standing: event.flags, untold: true }, now);
    case 'flush':
      return still({ ...state, waiting: [], bytesWaiting: 0 });
    case 'time':
      return next(state, now);
    case 'packet':
      return heardPacket(state, event, now);
  }
}

function heardPacket(state: SolState, event: SolEvent & { is: 'packet' }, now: Duration): SolStep {
  const { packet, room, hold } = event;
  let after = acknowledged(state, packet, now);
  if (hold) after = { ...after, held: true, notBefore: milliseconds(now + state.terms.longest) };
  else if (state.held) after = { ...after, held: false, notBefore: now };
  if (after.fault !== undefined) return still(after);
  const repeated = packet.number !== 0 && packet.number === after.heard?.number;
  if (packet.number !== 0 && !repeated) {
    const accepted = Math.min(Math.max(0, room), packet.characters.byteLength);
    const nack = accepted < packet.characters.byteLength;
    after = { ...after, heard: { number: packet.number, accepted, nack } };
  }
  const answer = packet.number === 0 ? [] : [answerTo(after)];
  const rest = next(after, now);
  return {
    state: rest.state,
    send: [...answer, ...rest.send],
    deliver: repeated ? NONE : packet.characters.subarray(0, after.heard?.accepted ?? 0),
    flags: repeated ? undefined : packet.flags,
  };
}

/** What is said of the packet under way; its rest goes in front of all that waits, to leave under the next number. */
function acknowledged(state: SolState, { acked, accepted, flags }: SolPacket, now: Duration): SolState {
  const { sending, terms } = state;
  if (sending === undefined || acked === 0 || acked !== sending.packet.number) return state;
  const { characters } = sending.packet;
  const nack = (flags & SOL_NACK) !== 0;
  const rest = characters.subarray(accepted);
  const again: Waiting[] = rest.byteLength > 0 ? [rest] : [];
  if (characters.byteLength === 0 && nack) again.push(sending.packet.flags & ~state.standing);
  const done = { ...state, sending: undefined };
  if (again.length === 0) return { ...done, refusedSince: undefined };
  const stuck = accepted === 0;
  const refusedSince = stuck ? (state.refusedSince ?? now) : now;
  const fault = stuck && now - refusedSince >= terms.stall ? 'stalled' : undefined;
  return {
    ...done,
    waiting: [...again, ...state.waiting],
    bytesWaiting: state.bytesWaiting + rest.byteLength,
    refusedSince,
    fault,
    notBefore: nack || stuck ? milliseconds(now + terms.breath) : now,
  };
}

/** Tells the flags, repeats what is due, or sends what waits. */
function next(state: SolState, now: Duration): SolStep {
  if (!state.untold || now < state.quietUntil) return data(state, now);
  const told = { ...state, untold: false };
  const rest = data(told, now);
  return { ...rest, send: [flagged(told, { number: 0, characters: NONE }, 0), ...rest.send] };
}

function data(state: SolState, now: Duration): SolStep {
  const { sending, terms } = state;
  if (sending !== undefined) {
    if (now < sending.due) return still(state);
    if (now - sending.since >= terms.total) return still({ ...state, fault: 'silent' });
    const wait = Math.min(terms.longest, terms.first * 2 ** sending.tries);
    const last = sending.since + terms.total;
    const due = milliseconds(Math.min(now + wait, last));
    return still({ ...state, sending: { ...sending, tries: sending.tries + 1, due } }, [sending.packet]);
  }
  if (state.waiting.length === 0 || now < state.notBefore) return still(state);
  const { characters, flags, waiting } = taken(state.waiting, terms.most);
  const number = state.number === LAST_NUMBER ? 1 : state.number + 1;
  const packet = flagged(state, { number, characters }, flags | state.once);
  const due = milliseconds(now + Math.min(terms.first, terms.total));
  const bytesWaiting = state.bytesWaiting - characters.byteLength;
  const started = { packet, tries: 1, since: now, due };
  return still({ ...state, number, waiting, bytesWaiting, once: 0, sending: started }, [packet]);
}

/** Flags that wait in front, or as many characters as fit before the next flags. */
function taken(waiting: readonly Waiting[], most: number) {
  const [first] = waiting;
  if (typeof first === 'number') return { characters: NONE, flags: first, waiting: waiting.slice(1) };
  const parts: Uint8Array[] = [];
  let [size, used] = [0, 0];
  for (const each of waiting) {
    if (typeof each === 'number' || size === most) break;
    const part = each.subarray(0, most - size);
    parts.push(part);
    size += part.byteLength;
    if (part.byteLength < each.byteLength) {
      const rest = [each.subarray(part.byteLength), ...waiting.slice(used + 1)];
      return { characters: concatBytes(...parts), flags: 0, waiting: rest };
    }
    used += 1;
  }
  return { characters: concatBytes(...parts), flags: 0, waiting: waiting.slice(used) };
}

/** Small writes are put together, so that what waits is few pieces. */
function withBytes(state: SolState, bytes: Uint8Array): SolState {
  if (bytes.byteLength === 0) return state;
  const last = state.waiting.at(-1);
  const merge = last instanceof Uint8Array && last.byteLength < MERGED;
  const waiting = merge
    ? [...state.waiting.slice(0, -1), concatBytes(last, bytes)]
    : [...state.waiting, bytes.slice()];
  return { ...state, waiting, bytesWaiting: state.bytesWaiting + bytes.byteLength };
}

function answerTo(state: SolState): SolPacket {
  const { number, accepted, nack } = state.heard!;
  const packet = flagged(state, { number: 0, characters: NONE }, nack ? SOL_NACK : 0);
  return { ...packet, acked: number, accepted };
}

const flagged = (
  state: SolState,
  packet: Pick<SolPacket, 'number' | 'characters'>,
  flags: number,
): SolPacket => ({ ...packet, acked: 0, accepted: 0, flags: flags | state.standing });

const still = (state: SolState, send: readonly SolPacket[] = []): SolStep => ({
  state,
  send,
  deliver: NONE,
  flags: undefined,
});
