import {
  activatePayload,
  deactivatePayload,
  getChannelPayloadSupport,
  getPayloadActivationStatus,
  getPayloadInstanceInfo,
} from '../../commands/index.ts';
import type { Level } from '../../session/set-up.ts';
import { bit, flag, le16, le32 } from '../../wire/bits.ts';
import { NET_FN } from '../../wire/message.ts';
import { PAYLOAD } from '../../wire/packet.ts';
import { type BmcCommand, Completion } from '../command.ts';
import { serve } from '../commands/serve.ts';
import { COMPLETION } from '../dispatch.ts';
import { checkLanChannel } from '../lan-channel.ts';
import { LARGEST_SOL } from './attachment.ts';
import type { SharedConsole } from './shared-console.ts';

export interface PayloadCommandOptions {
  readonly shared: SharedConsole;
  readonly level: Level;
  /** UDP, of the LAN responder. */
  readonly port: number;
}

/** Completion codes of these commands (IPMI 2.0, tables 24-2 to 24-9). */
const ALREADY_ACTIVE = 0x80;
const ALREADY_DEACTIVATED = 0x80;
const ONLY_PROTECTED = 0x84;
const NO_SUCH_PAYLOAD = 0x80;

const INSTANCE = 1;
const NO_VLAN = 0xffff;
const SOL_VERSION = 0x10;
const IPMI_VERSION = 0x10;
/** Payloads of this channel: IPMI messages and SOL; all six of session set-up. */
const STANDARD = flag(true, PAYLOAD.ipmi) | flag(true, PAYLOAD.sol);
const SET_UP = 0x3f;
const SET_ACCESS = { name: 'Set User Payload Access', netFn: NET_FN.app, code: 0x4c };
const GET_ACCESS = { name: 'Get User Payload Access', netFn: NET_FN.app, code: 0x4d };
const GET_VERSION = { name: 'Get Channel Payload Version', netFn: NET_FN.app, code: 0x4f };
const SOL_ACCESS = [flag(true, PAYLOAD.sol), 0, 0, 0];

/** SOL as a payload: taken and given back, and what is said of it (IPMI 2.0, chapter 24). */
export function payloadCommands({ shared, level, port }: PayloadCommandOptions): readonly BmcCommand[] {
  const wholeSol = (type: number, instance: number): void => {
    if ((type & 0x3f) !== PAYLOAD.sol || (instance & 0x0f) !== INSTANCE)
      throw new Completion(COMPLETION.invalidField);
  };
  return [
    serve(activatePayload, { user: level }, 6, (data, caller) => {
      wholeSol(data.u8(0), data.u8(1));
      if (caller.is !== 'user') throw new Completion(COMPLETION.wrongState);
      const auxiliary = data.u8(2);
      if (!bit(auxiliary, 7) || !bit(auxiliary, 6)) throw new Completion(ONLY_PROTECTED);
      if (!shared.attach(caller.session, caller.name)) throw new Completion(ALREADY_ACTIVE);
      const { inbound, outbound } = LARGEST_SOL;
      return [0, 0, 0, 0, ...le16(inbound), ...le16(outbound), ...le16(port), ...le16(NO_VLAN)];
    }),
    serve(deactivatePayload, { user: level }, 6, (data, caller) => {
      wholeSol(data.u8(0), data.u8(1));
      if (caller.is !== 'user') throw new Completion(COMPLETION.wrongState);
      if (!shared.detach(caller.session)) throw new Completion(ALREADY_DEACTIVATED);
      return [];
    }),
    serve(getPayloadActivationStatus, { user: 'user' }, 1, (data) => {
      const sol = (data.u8(0) & 0x3f) === PAYLOAD.sol;
      if (!sol) return [0, 0, 0];
      return [INSTANCE, flag(shared.session !== undefined, INSTANCE - 1), 0];
    }),
    serve(getPayloadInstanceInfo, { user: 'user' }, 2, (data) => {
      wholeSol(data.u8(0), data.u8(1));
      const { session } = shared;
      return [...le32(session?.id ?? session?.handle ?? 0), ...new Uint8Array(8)];
    }),
    // Whoever has the level has the console; there is nothing to be set for one user.
    serve(SET_ACCESS, { user: 'administrator' }, 6, (data) => {
      checkLanChannel(data.u8(0));
      const asked = [data.u8(2), data.u8(3), data.u8(4), data.u8(5)];
      const enables = data.u8(1) >> 6 === 0;
      const asIs = enables
        ? asked.every((byte, at) => byte === SOL_ACCESS[at] || byte === 0)
        : asked.every((byte) => byte === 0);
      if (!asIs) throw new Completion(COMPLETION.disabled);
      return [];
    }),
    serve(GET_ACCESS, { user: 'operator' }, 2, (data) => {
      checkLanChannel(data.u8(0));
      return SOL_ACCESS;
    }),
    serve(getChannelPayloadSupport, { user: 'user' }, 1, (data) => {
      checkLanChannel(data.u8(0));
      return [STANDARD, 0, SET_UP, 0, 0, 0, 0, 0];
    }),
    serve(GET_VERSION, { user: 'user' }, 2, (data) => {
      checkLanChannel(data.u8(0));
      const type = data.u8(1) & 0x3f;
      if (type === PAYLOAD.sol) return [SOL_VERSION];
      if (type === PAYLOAD.ipmi || (type >= PAYLOAD.openSessionRequest && type <= PAYLOAD.rakp4))
        return [IPMI_VERSION];
      throw new Completion(NO_SUCH_PAYLOAD);
    }),
  ];
}
