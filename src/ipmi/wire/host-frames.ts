import { concatBytes } from '../../base/index.ts';
import type { BmcAnswer } from '../bmc/command.ts';
import type { BmcRequest } from '../bmc/dispatch.ts';

/** How requests of the host's own software are framed on their way to the BMC, and answers on their way back. */
export interface HostFrames {
  /** Undefined: too short for any answer. */
  decode(frame: Uint8Array): HostFrame | undefined;
}

export type HostFrame =
  | { readonly is: 'request'; readonly request: BmcRequest; reply(answer: BmcAnswer): Uint8Array }
  /** Cut, or of a wrong length: to be answered by C7h. */
  | { readonly is: 'damaged'; reply(answer: BmcAnswer): Uint8Array };

const CANNOT_RETURN_THAT_MANY = 0xca;

/** Header (whose last byte is the completion code) and data; CAh without data where both are longer than `longest`. */
export function framedAnswer(header: readonly number[], data: Uint8Array, longest: number): Uint8Array {
  if (header.length + data.byteLength <= longest) return concatBytes(Uint8Array.from(header), data);
  return Uint8Array.from([...header.slice(0, -1), CANNOT_RETURN_THAT_MANY]);
}
