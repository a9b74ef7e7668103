import type { BmcAnswer } from '../bmc/command.ts';
import type { BmcRequest } from '../bmc/dispatch.ts';
import { checksum } from '../wire/checksum.ts';

/** A request of the guest's, and the number under which it wants its answer. */
export interface VmRequest extends BmcRequest {
  readonly sequence: number;
}

/** Sequence, netFn and LUN, command, checksum. */
const SHORTEST = 4;

/** The request in a message frame; undefined where it is too short, or its bytes do not sum to 0. */
export function decodeVmRequest(bytes: Uint8Array): VmRequest | undefined {
  if (bytes.byteLength < SHORTEST || bytes.reduce((sum, byte) => (sum + byte) & 0xff, 0) !== 0)
    return undefined;
  return {
    sequence: bytes[0]!,
    netFn: bytes[1]! >> 2,
    lun: bytes[1]! & 3,
    command: bytes[2]!,
    data: bytes.slice(3, -1),
  };
}

/** The message that answers a request. */
export function encodeVmResponse(request: VmRequest, { completion, data }: BmcAnswer): Uint8Array {
  const head = [request.sequence, ((request.netFn | 1) << 2) | request.lun, request.command, completion];
  const body = Uint8Array.from([...head, ...data]);
  return Uint8Array.from([...body, checksum(body)]);
}
