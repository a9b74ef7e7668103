import { HOST_PHY, type HostPhyState, stepHostPhy } from '../phy/host-phy.ts';
import type { Generation, Level } from '../phy/level.ts';
import { newPhy, type Phy, type PhyEvent, type PhyTimer } from '../phy/phy.ts';
import { isUp } from '../phy/table.ts';
import type { PhyTimings } from '../phy/timings.ts';
import { millis, type Nanoseconds } from '../time.ts';

/**
 * A standard host's view of one port, with error handling as common drivers do it. `resetting` has sent COMRESET and looks
 * at nothing until the link has had time to settle, its own drop of PhyRdy least of all. `empty` listens for a hot plug.
 */
export interface HostPort<D> {
  readonly state: 'off' | 'resetting' | 'waiting' | 'identifying' | 'ready' | 'empty';
  readonly phy: Phy<HostPhyState>;
  /** The signature came since PhyRdy. */
  readonly signature: boolean;
  /** Resets in a row that led to no disk. */
  readonly tries: number;
  readonly disk: D | undefined;
}

export interface HostPortTimings {
  readonly phy: PhyTimings;
  /** From COMRESET to the first look at the link. */
  readonly settle: Nanoseconds;
  /** For the signature, after each reset. */
  readonly signature: Nanoseconds;
  readonly tries: number;
}

export const HOST_PORT_TIMINGS: Omit<HostPortTimings, 'phy'> = {
  settle: millis(100),
  signature: millis(31_000),
  tries: 3,
};

export type HostPortInput<D> =
  | { readonly is: 'power'; readonly on: boolean }
  | { readonly is: 'level'; readonly level: Level }
  | { readonly is: 'signature' }
  | { readonly is: 'identity'; readonly disk: D | undefined }
  | { readonly is: 'timer'; readonly timer: 'phy' | 'wait' }
  /** The host's software wants a reset. */
  | { readonly is: 'reset' };

export type HostPortOutput<D> =
  | { readonly is: 'transmit'; readonly level: Level }
  | {
      readonly is: 'start';
      readonly timer: 'phy' | 'wait';
      readonly after: Nanoseconds;
      readonly name: PhyTimer | 'wait';
    }
  | { readonly is: 'stop'; readonly timer: 'phy' | 'wait' }
  | { readonly is: 'identify' }
  /** The disk that the host has from now on; undefined and every command fails. */
  | { readonly is: 'disk'; readonly disk: D | undefined };

export interface HostPortStep<D> {
  readonly port: HostPort<D>;
  readonly outputs: readonly HostPortOutput<D>[];
}

export function newHostPort<D>(fastest: Generation = 3): HostPort<D> {
  const phy = newPhy<HostPhyState>('HP1', fastest);
  return { state: 'off', phy, signature: false, tries: 0, disk: undefined };
}

type Draft<D> = { -readonly [K in keyof HostPort<D>]: HostPort<D>[K] };

export function stepHostPort<D>(
  before: HostPort<D>,
  input: HostPortInput<D>,
  timings: HostPortTimings,
): HostPortStep<D> {
  const port: Draft<D> = { ...before };
  const outputs: HostPortOutput<D>[] = [];
  const drive = (event: PhyEvent) => drivePhy(port, event, timings, outputs);
  const begin = () => beginReset(port, timings, outputs, drive);
  const again = () => {
    port.tries += 1;
    if (port.tries < timings.tries) begin();
    else rest(port, outputs);
  };
  switch (input.is) {
    case 'power':
      if (input.on === (port.state !== 'off')) break;
      port.tries = 0;
      if (input.on) begin();
      else {
        forget(port, outputs);
        drive({ is: 'line', line: 'OFF' });
        outputs.push({ is: 'stop', timer: 'wait' });
        port.state = 'off';
      }
      break;
    case 'reset':
      if (port.state === 'off') break;
      port.tries = 0;
      forget(port, outputs);
      begin();
      break;
    case 'signature':
      if (!isUp(HOST_PHY, port.phy)) break;
      port.signature = true;
      if (port.state === 'waiting' || port.state === 'identifying') ask(port, outputs);
      else if (port.state === 'ready') {
        // Nobody asked: the device began anew while the link slept.
        forget(port, outputs);
        begin();
      }
      break;
    case 'identity':
      if (port.state !== 'identifying') break;
      if (input.disk === undefined) again();
      else take(port, input.disk, outputs);
      break;
    case 'timer':
      if (input.timer === 'phy') look(port, drive({ is: 'timer' }), outputs, begin, again);
      else if (port.state === 'resetting') settled(port, timings, outputs);
      else if (port.state === 'waiting' || port.state === 'identifying') again();
      break;
    case 'level':
      look(port, drive(input), outputs, begin, again);
      break;
  }
  return { port, outputs };
}

/** What the link did, and what the host makes of it. */
function look<D>(
  port: Draft<D>,
  link: 'changed' | 'came' | undefined,
  outputs: HostPortOutput<D>[],
  begin: () => void,
  again: () => void,
): void {
  if (link === undefined || port.state === 'resetting' || port.state === 'off') return;
  if (port.state === 'waiting' || port.state === 'identifying') {
    if (link === 'changed') again();
    return;
  }
  port.tries = 0;
  forget(port, outputs);
  begin();
}

function beginReset<D>(
  port: Draft<D>,
  timings: HostPortTimings,
  outputs: HostPortOutput<D>[],
  drive: (event: PhyEvent) => unknown,
): void {
  port.state = 'resetting';
  drive({ is: 'line', line: port.phy.line === 'run' ? 'FORCE_RESET' : 'RUN' });
  port.signature = false;
  outputs.push({ is: 'start', timer: 'wait', after: timings.settle, name: 'wait' });
}

function settled<D>(port: Draft<D>, timings: HostPortTimings, outputs: HostPortOutput<D>[]): void {
  if (!isUp(HOST_PHY, port.phy)) {
    rest(port, outputs);
    return;
  }
  port.state = 'waiting';
  if (port.signature) ask(port, outputs);
  outputs.push({ is: 'start', timer: 'wait', after: timings.signature, name: 'wait' });
}

function ask<D>(port: Draft<D>, outputs: HostPortOutput<D>[]): void {
  port.state = 'identifying';
  outputs.push({ is: 'identify' });
}

function take<D>(port: Draft<D>, disk: D, outputs: HostPortOutput<D>[]): void {
  port.state = 'ready';
  port.tries = 0;
  port.disk = disk;
  outputs.push({ is: 'stop', timer: 'wait' }, { is: 'disk', disk });
}

function rest<D>(port: Draft<D>, outputs: HostPortOutput<D>[]): void {
  port.state = 'empty';
  outputs.push({ is: 'stop', timer: 'wait' });
}

function forget<D>(port: Draft<D>, outputs: HostPortOutput<D>[]): void {
  if (port.disk === undefined) return;
  port.disk = undefined;
  outputs.push({ is: 'disk', disk: undefined });
}

function drivePhy<D>(
  port: Draft<D>,
  event: PhyEvent,
  timings: HostPortTimings,
  outputs: HostPortOutput<D>[],
): 'changed' | 'came' | undefined {
  if (event.is === 'timer' && port.phy.timer === null) return undefined;
  const { phy, transmit, timer, notices } = stepHostPhy(port.phy, event, timings.phy);
  port.phy = phy;
  if (timer === 'stop') outputs.push({ is: 'stop', timer: 'phy' });
  else if (timer) outputs.push({ is: 'start', timer: 'phy', after: timer.after, name: timer.name });
  if (transmit !== undefined) outputs.push({ is: 'transmit', level: transmit });
  const gone = notices.includes('lost') || notices.includes('exchanged');
  if (gone) port.signature = false;
  return gone ? 'changed' : notices.includes('seen') || notices.includes('up') ? 'came' : undefined;
}
