import type { BmcAnswer } from '../bmc/command.ts';
import { framedAnswer, type HostFrames } from './host-frames.ts';

const HEADER = 2;
/** The host's driver takes no message that is longer (IPMI_MAX_MSG_LENGTH of Linux), and the BMC's holds 1000. */
const LONGEST = 272;

/** Messages of the KCS interface (IPMI 2.0, 9.2): netFn and LUN, command, data; completion code before an answer's data. */
export const KCS_FRAMES: HostFrames = {
  decode(frame) {
    if (frame.byteLength === 0) return undefined;
    const [netFnLun = 0, command = 0] = frame;
    const reply = ({ completion, data }: BmcAnswer): Uint8Array =>
      framedAnswer([netFnLun | 0x04, command, completion], data, LONGEST);
    if (frame.byteLength < HEADER) return { is: 'damaged', reply };
    const request = {
      netFn: netFnLun >> 2,
      lun: netFnLun & 3,
      command,
      data: frame.slice(HEADER),
    };
    return { is: 'request', request, reply };
  },
};
