import { NsError } from '../../base/index.ts';
import type { Command } from '../command.ts';
import { bit } from '../wire/bits.ts';
import { NET_FN } from '../wire/message.ts';

/** DCMI 1.5, 6.1.1, parameter 1. */
export interface DcmiCapabilities {
  /** Of the DCMI specification: "1.5". */
  readonly version: string;
  readonly powerManagement: boolean;
  /** By which ways the BMC can be reached. */
  readonly systemInterface: boolean;
  readonly serial: boolean;
  readonly secondaryLan: boolean;
  readonly primaryLan: boolean;
  readonly sol: boolean;
  readonly vlan: boolean;
}

const DCMI = 0xdc;
const SUPPORTED = 0x01;

export const dcmiGetCapabilities: Command<void, DcmiCapabilities> = {
  name: 'DCMI Get Capabilities',
  netFn: NET_FN.group,
  code: 0x01,
  level: 'user',
  repeatable: true,
  encode: () => Uint8Array.of(DCMI, SUPPORTED),
  decode(data) {
    if (data.u8(0) !== DCMI) {
      throw new NsError('NS_IPMI_MESSAGE', 'DCMI Get Capabilities: answered for another body', {
        family: 'peer',
      });
    }
    const [platform, ways] = [data.u8(5), data.u8(6)];
    return {
      version: `${data.u8(1)}.${data.u8(2)}`,
      powerManagement: bit(platform, 0),
      systemInterface: bit(ways, 0),
      serial: bit(ways, 1),
      secondaryLan: bit(ways, 2),
      primaryLan: bit(ways, 3),
      sol: bit(ways, 4),
      vlan: bit(ways, 5),
    };
  },
};
