import { asNsError } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import type { SocketStream } from './socket-stream.ts';
import {
  COMMAND,
  COMMAND_FLAG_FUA,
  decodeRequest,
  ERROR,
  encodeSimpleReply,
  LARGEST_PAYLOAD,
  REQUEST_SIZE,
  type Request,
} from './wire.ts';

const MOST_REQUESTS = 64;

/**
 * Answers requests until the client disconnects, ends, or breaks the framing. Requests run side by side up to a bound
 * of bytes and number; beyond it nothing more is read from the socket.
 */
export async function serveRequests(
  stream: SocketStream,
  device: BlockDevice,
  signal: AbortSignal,
): Promise<void> {
  const underWay = new Set<Promise<void>>();
  let held = 0;
  for (;;) {
    const header = await stream.take(REQUEST_SIZE);
    const request = header === undefined ? undefined : decodeRequest(header);
    if (request === undefined || request.command === COMMAND.disconnect) break;
    const isWrite = request.command === COMMAND.write;
    // A payload that we will not take cannot be skipped either: the framing is lost.
    if (isWrite && request.length > LARGEST_PAYLOAD) break;
    const weight =
      isWrite || request.command === COMMAND.read ? Math.min(request.length, LARGEST_PAYLOAD) : 0;
    while (underWay.size >= MOST_REQUESTS || (underWay.size > 0 && held + weight > LARGEST_PAYLOAD)) {
      await Promise.race(underWay);
    }
    const payload = isWrite ? await stream.take(request.length) : new Uint8Array(0);
    if (payload === undefined) break;
    held += weight;
    const done = answer(stream, device, request, payload, signal).finally(() => {
      held -= weight;
      underWay.delete(done);
    });
    underWay.add(done);
  }
  await Promise.all(underWay);
}

async function answer(
  stream: SocketStream,
  device: BlockDevice,
  request: Request,
  payload: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  let data = new Uint8Array(0);
  let error = refusalOf(device, request);
  if (error === ERROR.none) {
    try {
      data = await perform(device, request, payload, signal);
    } catch (cause) {
      error = errorOf(cause);
      data = new Uint8Array(0);
    }
  }
  const reply = encodeSimpleReply(request.cookie, error);
  await (data.byteLength === 0 ? stream.send(reply) : stream.send(reply, data));
}

/** What the protocol forbids, told before the device is asked. Sums are made as bigint: they may pass 2^64. */
function refusalOf(device: BlockDevice, request: Request): number {
  const { command, flags, offset, length } = request;
  const { size, writable } = device.capabilities;
  if ((flags & ~COMMAND_FLAG_FUA) !== 0) return ERROR.invalid;
  const beyond = offset + BigInt(length) > BigInt(size);
  switch (command) {
    case COMMAND.read:
      return length > LARGEST_PAYLOAD || beyond ? ERROR.invalid : ERROR.none;
    case COMMAND.write:
      if (!writable) return ERROR.permission;
      return beyond ? ERROR.noSpace : ERROR.none;
    case COMMAND.trim:
      if (!writable) return ERROR.permission;
      return beyond ? ERROR.invalid : ERROR.none;
    case COMMAND.flush:
      return offset !== 0n || length !== 0 ? ERROR.invalid : ERROR.none;
    default:
      return ERROR.invalid;
  }
}

async function perform(
  device: BlockDevice,
  request: Request,
  payload: Uint8Array,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const offset = Number(request.offset);
  const none = new Uint8Array(0);
  switch (request.command) {
    case COMMAND.read: {
      const data = new Uint8Array(request.length);
      await device.read(offset, data, signal);
      return data;
    }
    case COMMAND.write:
      await device.write(offset, payload, signal);
      break;
    case COMMAND.trim:
      await device.trim(offset, request.length, signal);
      break;
    default:
      await device.flush(signal);
      return none;
  }
  if ((request.flags & COMMAND_FLAG_FUA) !== 0) await device.flush(signal);
  return none;
}

function errorOf(cause: unknown): number {
  switch (asNsError(cause).code) {
    case 'NS_BLOCK_READ_ONLY':
      return ERROR.permission;
    case 'NS_BLOCK_RANGE':
      return ERROR.invalid;
    case 'NS_OVERLAY_FULL':
      return ERROR.noSpace;
    default:
      return ERROR.io;
  }
}
