import { setImmediate } from 'node:timers/promises';
import { asNsError, MiB } from '../../base/index.ts';
import type { BlockDevice, BlockExtent } from '../../ports/index.ts';
import type { Request } from './request-parser.ts';
import { COMMAND, COMMAND_FLAG, ERROR, LARGEST_PAYLOAD } from './wire.ts';

/** What a request may be refused for before the device is asked. */
export interface RequestRules {
  /** Bytes to which offsets and lengths must be aligned. */
  readonly minimumBlock: number;
  readonly structured: boolean;
  /** Block status was agreed. */
  readonly allocation: boolean;
}

const ALLOWED_FLAGS: Readonly<Record<number, number>> = {
  [COMMAND.read]: COMMAND_FLAG.fua | COMMAND_FLAG.dontFragment,
  [COMMAND.write]: COMMAND_FLAG.fua,
  [COMMAND.flush]: COMMAND_FLAG.fua,
  [COMMAND.trim]: COMMAND_FLAG.fua,
  [COMMAND.cache]: COMMAND_FLAG.fua,
  [COMMAND.writeZeroes]: COMMAND_FLAG.fua | COMMAND_FLAG.noHole,
  [COMMAND.blockStatus]: COMMAND_FLAG.fua | COMMAND_FLAG.oneExtent,
};

/** What the protocol forbids, as an error number; 0 where the device may be asked. */
export function refusalOf(device: BlockDevice, request: Request, rules: RequestRules): number {
  const { command, flags, offset, length } = request;
  const { size, writable } = device.capabilities;
  const allowed = ALLOWED_FLAGS[command];
  if (allowed === undefined || (flags & ~allowed) !== 0) return ERROR.invalid;
  if ((flags & COMMAND_FLAG.dontFragment) !== 0 && !rules.structured) return ERROR.invalid;
  if (command === COMMAND.flush) return offset !== 0 || length !== 0 ? ERROR.invalid : ERROR.none;
  const changes = command === COMMAND.write || command === COMMAND.trim || command === COMMAND.writeZeroes;
  if (changes && !writable) return ERROR.permission;
  if (length > size || offset > size - length) {
    return command === COMMAND.write || command === COMMAND.writeZeroes ? ERROR.noSpace : ERROR.invalid;
  }
  if (offset % rules.minimumBlock !== 0 || length % rules.minimumBlock !== 0) return ERROR.invalid;
  if (command === COMMAND.read && length > LARGEST_PAYLOAD) return ERROR.invalid;
  if (command === COMMAND.blockStatus && (!rules.allocation || length === 0)) return ERROR.invalid;
  return ERROR.none;
}

export async function performWrite(
  device: BlockDevice,
  request: Request,
  data: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  await device.write(request.offset, data, signal);
  if ((request.flags & COMMAND_FLAG.fua) !== 0) await device.flush(signal);
}

/** All that neither carries data nor asks for any. */
export async function performPlain(
  device: BlockDevice,
  request: Request,
  signal: AbortSignal,
): Promise<void> {
  const { command, offset, length } = request;
  switch (command) {
    case COMMAND.flush:
      await device.flush(signal);
      return;
    case COMMAND.cache:
      await readAhead(device, offset, length, signal);
      return;
    case COMMAND.writeZeroes:
      await writeZeros(device, offset, length, signal);
      break;
    default:
      await device.trim(offset, length, signal);
  }
  if ((request.flags & COMMAND_FLAG.fua) !== 0) await device.flush(signal);
}

/** More runs than this are left for the next request. */
const MOST_EXTENTS = 1024;

export async function performBlockStatus(
  device: BlockDevice,
  request: Request,
  signal: AbortSignal,
): Promise<readonly BlockExtent[]> {
  const { offset, length, flags } = request;
  const known = (await device.extents?.(offset, length, signal)) ?? [
    { length, allocated: true, zero: false },
  ];
  const joined: BlockExtent[] = [];
  for (const { length: run, allocated, zero } of known) {
    const last = joined.at(-1);
    if (last !== undefined && last.allocated === allocated && last.zero === zero) {
      joined[joined.length - 1] = { length: last.length + run, allocated, zero };
    } else if (joined.length < MOST_EXTENTS) joined.push({ length: run, allocated, zero });
    else break;
  }
  return (flags & COMMAND_FLAG.oneExtent) !== 0 ? joined.slice(0, 1) : joined;
}

/** The bytes of one piece of a long request that has no data of its own. */
const PIECE = MiB;
const ZEROS = new Uint8Array(PIECE);

/** A quick device answers without a turn of the event loop: gigabytes of one client must not keep it from all others. */
async function nextTurn(signal: AbortSignal): Promise<void> {
  await setImmediate();
  signal.throwIfAborted();
}

async function writeZeros(
  device: BlockDevice,
  offset: number,
  length: number,
  signal: AbortSignal,
): Promise<void> {
  for (let done = 0; done < length; done += PIECE) {
    if (done > 0) await nextTurn(signal);
    const piece = Math.min(PIECE, length - done);
    await device.write(offset + done, piece === PIECE ? ZEROS : ZEROS.subarray(0, piece), signal);
  }
}

/** Reading is the only way to have something cached that every device has. */
async function readAhead(
  device: BlockDevice,
  offset: number,
  length: number,
  signal: AbortSignal,
): Promise<void> {
  const into = new Uint8Array(Math.min(PIECE, length));
  for (let done = 0; done < length; done += PIECE) {
    if (done > 0) await nextTurn(signal);
    await device.read(offset + done, into.subarray(0, Math.min(PIECE, length - done)), signal);
  }
}

/** The protocol's number for what a device threw. */
export function errorNumberOf(cause: unknown): number {
  switch (asNsError(cause).code) {
    case 'NS_BLOCK_READ_ONLY':
      return ERROR.permission;
    case 'NS_BLOCK_RANGE':
    case 'NS_ATA_RANGE':
      return ERROR.invalid;
    case 'NS_OVERLAY_FULL':
      return ERROR.noSpace;
    default:
      return ERROR.io;
  }
}
