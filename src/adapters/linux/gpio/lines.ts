import type { GpioLine, LineLook } from '../../../board/index.ts';
import type { Stop } from '../../../ports/index.ts';

/** What a line is for. An input is read and watched; an output keeps what it has until it is told something else. */
export type LineUse = 'input' | 'output';

/** A line that is ours as long as it is held. Its values are 1 where it is active, whatever its level then is. */
export interface HeldLine {
  readonly use: LineUse;
  /** NS_GPIO where it cannot be read. */
  read(): Promise<0 | 1>;
  /** Drives an output, from now on and until it is told something else. NS_GPIO where it cannot. */
  write(active: 0 | 1): Promise<void>;
  /** Calls back with each new value; of several changes between two looks the last one. */
  onChange(listener: (value: 0 | 1) => void): Stop;
}

/** The lines of all GPIO chips of the machine, by one of the ways that Linux has. */
export interface GpioLines {
  /** How they are reached, for people. */
  readonly by: string;
  /**
   * Takes a line and holds it until `close`. Neither its direction nor its level changes by that, except that an input gets
   * the pull that the board asks for. NS_GPIO where there is no such chip or line, the line has another name than the
   * board says, somebody else has it, or an input is driven by us at the moment.
   */
  hold(line: GpioLine, use: LineUse): Promise<HeldLine>;
  /** How a line stands, whoever has it; takes nothing. NS_GPIO where there is no such chip or line. */
  look(line: Pick<GpioLine, 'chip' | 'offset'>): Promise<LineLook>;
  /** Gives all lines back to the kernel, which leaves them as they are. */
  close(): Promise<void>;
}
