import type { BmcAnswer } from '../bmc/command.ts';
import { framedAnswer, type HostFrames } from './host-frames.ts';

/** Length, netFn and LUN, sequence, command. */
const HEADER = 4;
const LONGEST = 256;

/**
 * Messages of the BT interface (IPMI 2.0, 11.4): a length that does not count itself, netFn and LUN, the host's sequence
 * number, command, data; completion code before an answer's data.
 */
export const BT_FRAMES: HostFrames = {
  decode(frame) {
    if (frame.byteLength < HEADER) return undefined;
    const [length = 0, netFnLun = 0, sequence = 0, command = 0] = frame;
    const reply = ({ completion, data }: BmcAnswer): Uint8Array => {
      const answer = framedAnswer([0, netFnLun | 0x04, sequence, command, completion], data, LONGEST);
      answer[0] = answer.byteLength - 1;
      return answer;
    };
    const end = 1 + length;
    if (end < HEADER || end > frame.byteLength) return { is: 'damaged', reply };
    const request = {
      netFn: netFnLun >> 2,
      lun: netFnLun & 3,
      command,
      data: frame.slice(HEADER, end),
    };
    return { is: 'request', request, reply };
  },
};
