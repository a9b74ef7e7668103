import type { BridgeTarget } from '../bridge.ts';
import { IpmiCompletion } from '../faults.ts';
import {
  BMC_ADDRESS,
  decodeResponse,
  encodeRequest,
  type IpmiRequest,
  type IpmiResponse,
  NET_FN,
} from './message.ts';

const SEND_MESSAGE = 0x34;
/** The BMC keeps in mind who asked, and sends the answer there by itself (IPMI 2.0, 22.7). */
const TRACK = 0x40;
const CODES: Readonly<Record<number, string>> = {
  128: 'the session of the channel is gone',
  129: 'the bus was lost to another controller',
  130: 'the bus does not work',
  131: 'nobody has that address',
};

/** The request within Send Message to the BMC; both have the same sequence number. */
export function bridgedRequest(request: IpmiRequest, { channel, address }: BridgeTarget): Uint8Array {
  const inner = encodeRequest(request, address, BMC_ADDRESS);
  return encodeRequest({
    netFn: NET_FN.app,
    command: SEND_MESSAGE,
    sequence: request.sequence,
    data: Uint8Array.of(TRACK | channel, ...inner),
  });
}

/**
 * The controller's own response: within the BMC's to Send Message, or by itself behind it. Undefined for a word of the BMC
 * that it has handed the request on; IpmiCompletion where it has not.
 */
export function bridgedResponse(came: IpmiResponse, sequence: number): IpmiResponse | undefined {
  const ofBmc = came.netFn === NET_FN.app + 1 && came.command === SEND_MESSAGE && came.sequence === sequence;
  if (!ofBmc) return came;
  if (came.completion !== 0) throw new IpmiCompletion('Send Message', came.completion, CODES);
  return came.data.byteLength === 0 ? undefined : decodeResponse(came.data);
}
