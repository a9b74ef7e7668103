import { type Command, within } from '../command.ts';
import { flag } from '../wire/bits.ts';
import { NET_FN } from '../wire/message.ts';
import { PAYLOAD } from '../wire/packet.ts';

/** IPMI 2.0, 24.1, for Serial Over LAN: what the BMC grants. Sizes in bytes, of the characters of one SOL packet. */
export interface ActivatedSol {
  readonly mostToBmc: number;
  readonly mostFromBmc: number;
  /** Where SOL is spoken; mostly the port of the session itself. */
  readonly port: number;
  readonly vlan: number | undefined;
}

/** Encrypted and authenticated; alerts on the shared port are put off until SOL ends. */
const AUXILIARY = flag(true, 7) | flag(true, 6) | (1 << 2) | flag(true, 1);
const NO_VLAN = 0xffff;

export const activatePayload: Command<{ readonly instance?: number }, ActivatedSol> = {
  name: 'Activate Payload',
  netFn: NET_FN.app,
  code: 0x48,
  level: 'operator',
  repeatable: false,
  codes: {
    128: 'the console is open elsewhere',
    129: 'the console over LAN is switched off',
    130: 'no more consoles may be open',
    131: 'the console cannot be opened encrypted',
    132: 'the console cannot be opened plain',
  },
  encode: ({ instance = 1 }) =>
    Uint8Array.of(PAYLOAD.sol, within(instance, 1, 0x0f, 'the instance'), AUXILIARY, 0, 0, 0),
  decode(data) {
    const vlan = data.u16le(10);
    return {
      mostToBmc: data.u16le(4),
      mostFromBmc: data.u16le(6),
      port: data.u16le(8),
      vlan: vlan === NO_VLAN ? undefined : vlan & 0x0fff,
    };
  },
};
