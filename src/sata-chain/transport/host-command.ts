import type { RegisterD2H, RegisterH2D } from '../fis/fis.ts';
import type { AtaFault, SectorRange } from '../target.ts';

/** The registers of a command, as far as it sets them. */
export type CommandRegisters = Pick<RegisterH2D, 'command'> &
  Partial<Pick<RegisterH2D, 'lba' | 'count' | 'features' | 'device'>>;

/** What a host asks of a device. */
export interface HostRequest {
  readonly registers: CommandRegisters;
  /** How the same is asked for with native queuing. */
  readonly queued?: CommandRegisters;
  /** Data to or from the buffer; `toHost` as in a FIS. */
  readonly data?: { readonly toHost: boolean; readonly buffer: Uint8Array };
  /** The sectors that it is about. */
  readonly range?: SectorRange;
}

/** A request on its way. */
export interface HostCommand {
  readonly request: HostRequest;
  /** Bytes to move. */
  readonly total: number;
  moved: number;
  /** Undefined where whoever asked has gone: what is read is dropped. */
  buffer: Uint8Array | undefined;
  tries: number;
  readonly hears: CommandEnd;
}

/** Who asked. */
export interface CommandEnd {
  /** The device has the command now, perhaps not for the first time. */
  given?(): void;
  done(registers: RegisterD2H | undefined): void;
  fail(fault: AtaFault): void;
}

export function newCommand(request: HostRequest, hears: CommandEnd): HostCommand {
  const buffer = request.data?.buffer;
  return { request, total: buffer?.byteLength ?? 0, moved: 0, buffer, tries: 0, hears };
}

/**
 * Lets go of the caller's buffer while the device still has the command: data from it are copied, data for it will be
 * dropped.
 */
export function detach(command: HostCommand): void {
  command.buffer = command.request.data?.toHost === false ? command.buffer?.slice() : undefined;
}
