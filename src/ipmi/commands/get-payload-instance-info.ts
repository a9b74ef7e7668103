import { type Command, within } from '../command.ts';
import { NET_FN } from '../wire/message.ts';
import { PAYLOAD } from '../wire/packet.ts';

/** IPMI 2.0, 24.5. */
export interface PayloadInstance {
  /** The BMC's id of the session that has it; undefined where it is not active. */
  readonly session: number | undefined;
  /** SOL: the host's serial port, 0 where the BMC does not tell. */
  readonly serialPort: number;
}

export const getPayloadInstanceInfo: Command<
  { readonly payloadType?: number; readonly instance?: number },
  PayloadInstance
> = {
  name: 'Get Payload Instance Info',
  netFn: NET_FN.app,
  code: 0x4b,
  level: 'user',
  repeatable: true,
  encode: ({ payloadType = PAYLOAD.sol, instance = 1 }) =>
    Uint8Array.of(
      within(payloadType, 0, 0x3f, 'the payload type'),
      within(instance, 1, 0x0f, 'the instance'),
    ),
  decode(data) {
    const session = data.u32le(0);
    return { session: session === 0 ? undefined : session, serialPort: data.u8(4) };
  },
};
