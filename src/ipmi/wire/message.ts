import { ByteView, NsError } from '../../base/index.ts';
import { checksum } from './checksum.ts';

/** Network function codes of requests; a response has the next one. */
export const NET_FN = {
  chassis: 0x00,
  sensor: 0x04,
  app: 0x06,
  storage: 0x0a,
  transport: 0x0c,
  group: 0x2c,
} as const;

/** Address of the BMC, and of a remote console's software. */
export const BMC_ADDRESS = 0x20;
const CONSOLE_ADDRESS = 0x81;

export interface IpmiRequest {
  readonly netFn: number;
  readonly command: number;
  readonly data: Uint8Array;
  /** 0-63. */
  readonly sequence: number;
  /** 0 for the BMC itself. */
  readonly lun?: number;
}

export interface IpmiResponse {
  /** Odd: the request's and one. */
  readonly netFn: number;
  readonly command: number;
  readonly sequence: number;
  readonly completion: number;
  readonly data: Uint8Array;
}

const SHORTEST_REQUEST = 7;
const SHORTEST_RESPONSE = 8;

/** A request as it travels on the LAN channel (IPMI 2.0, 13.8). */
export function encodeRequest(
  request: IpmiRequest,
  responder = BMC_ADDRESS,
  requester = CONSOLE_ADDRESS,
): Uint8Array {
  return frame(
    responder,
    (request.netFn << 2) | (request.lun ?? 0),
    requester,
    request.sequence << 2,
    request.command,
    request.data,
  );
}

export function encodeResponse(
  response: IpmiResponse,
  requester = CONSOLE_ADDRESS,
  responder = BMC_ADDRESS,
): Uint8Array {
  const data = new Uint8Array(1 + response.data.byteLength);
  data[0] = response.completion;
  data.set(response.data, 1);
  return frame(requester, response.netFn << 2, responder, response.sequence << 2, response.command, data);
}

/** NS_IPMI_MESSAGE where it is too short or a checksum is wrong. `sums`: false takes wrong checksums for right. */
export function decodeResponse(bytes: Uint8Array, sums = true): IpmiResponse {
  const view = checked(bytes, SHORTEST_RESPONSE, 'response', sums);
  return {
    netFn: view.u8(1) >> 2,
    sequence: view.u8(4) >> 2,
    command: view.u8(5),
    completion: view.u8(6),
    data: view.slice(7, bytes.byteLength - SHORTEST_RESPONSE),
  };
}

/** The BMC's side of encodeRequest; NS_IPMI_MESSAGE as above. */
export function decodeRequest(
  bytes: Uint8Array,
): IpmiRequest & { readonly lun: number; readonly requester: number } {
  const view = checked(bytes, SHORTEST_REQUEST, 'request');
  return {
    netFn: view.u8(1) >> 2,
    lun: view.u8(1) & 3,
    requester: view.u8(3),
    sequence: view.u8(4) >> 2,
    command: view.u8(5),
    data: view.slice(6, bytes.byteLength - SHORTEST_REQUEST),
  };
}

function frame(
  to: number,
  netFnLun: number,
  from: number,
  sequenceLun: number,
  command: number,
  data: Uint8Array,
): Uint8Array {
  const bytes = new Uint8Array(SHORTEST_REQUEST + data.byteLength);
  bytes.set([to, netFnLun]);
  bytes[2] = checksum(bytes.subarray(0, 2));
  bytes.set([from, sequenceLun, command], 3);
  bytes.set(data, 6);
  bytes[bytes.byteLength - 1] = checksum(bytes.subarray(3, -1));
  return bytes;
}

function checked(bytes: Uint8Array, shortest: number, what: string, sums = true): ByteView {
  const right = !sums || (checksum(bytes.subarray(0, 3)) === 0 && checksum(bytes.subarray(3)) === 0);
  if (bytes.byteLength < shortest || !right)
    throw new NsError('NS_IPMI_MESSAGE', `an IPMI ${what} that is cut or damaged`, { family: 'peer' });
  return new ByteView(bytes, `an IPMI ${what}`);
}
