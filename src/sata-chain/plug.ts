import type { Wire } from './phy/level.ts';
import type { SataTarget } from './target.ts';

/**
 * A device at the end of a SATA cable, as the host side of that cable has it: the signals, the signature, and the
 * commands that it answers once both phys are ready. A drive, a unit below in this process, or one behind a ChainLink.
 */
export interface Plug {
  /** The host side's end: `transmit` drives the device's receiver, `onLevel` hears the device's transmitter. */
  readonly wire: Wire;
  /** Called for each first D2H register FIS after a reset: the device is ready for commands. */
  onSignature(listener: () => void): () => void;
  readonly target: SataTarget;
}
