import type { Stop } from './clock.ts';

/**
 * The registers of the units of one chain, as an FPGA or a multiplexer shows them to the management controller over
 * whatever bus: docs/register-map.md. Units are counted from the host, beginning with 0.
 */
export interface ChainRegisters {
  /** For people and logs: "chain0", "/dev/uio0". */
  readonly name: string;
  /** Units whose registers can be reached now. */
  units(signal: AbortSignal): Promise<number>;
  /**
   * A word, from 0 to 2^32-1. The offset is a multiple of 4. NS_REGISTER where there is no such unit or register,
   * NS_REGISTER_IO where the bus failed.
   */
  read32(unit: number, offset: number, signal: AbortSignal): Promise<number>;
  /** On return the unit has the word; what it does with it shows in its status. */
  write32(unit: number, offset: number, value: number, signal: AbortSignal): Promise<void>;
  /** Called when a unit raises an interrupt that is enabled. Must not block. */
  onInterrupt(listener: (unit: number) => void): Stop;
  close(): Promise<void>;
}
