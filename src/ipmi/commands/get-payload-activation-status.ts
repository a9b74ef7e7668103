import { type Command, within } from '../command.ts';
import { bit } from '../wire/bits.ts';
import { NET_FN } from '../wire/message.ts';
import { PAYLOAD } from '../wire/packet.ts';

/** IPMI 2.0, 24.4. */
export interface PayloadActivation {
  /** How many may be active at once. */
  readonly capacity: number;
  /** The instances that are active, from 1 on. */
  readonly active: readonly number[];
}

const INSTANCES = 16;

export const getPayloadActivationStatus: Command<{ readonly payloadType?: number }, PayloadActivation> = {
  name: 'Get Payload Activation Status',
  netFn: NET_FN.app,
  code: 0x4a,
  level: 'user',
  repeatable: true,
  encode: ({ payloadType = PAYLOAD.sol }) => Uint8Array.of(within(payloadType, 0, 0x3f, 'the payload type')),
  decode(data) {
    const active = data.u16le(1);
    const numbers = Array.from({ length: INSTANCES }, (_, n) => n + 1);
    return { capacity: data.u8(0) & 0x0f, active: numbers.filter((number) => bit(active, number - 1)) };
  },
};
