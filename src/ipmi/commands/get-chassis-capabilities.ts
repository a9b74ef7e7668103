import { type Command, NOTHING } from '../command.ts';
import { bit } from '../wire/bits.ts';
import { BMC_ADDRESS, NET_FN } from '../wire/message.ts';

/** IPMI 2.0, 28.1. Devices are IPMB slave addresses. */
export interface ChassisCapabilities {
  readonly powerInterlock: boolean;
  readonly diagnosticInterrupt: boolean;
  readonly frontPanelLockout: boolean;
  readonly intrusionSensor: boolean;
  readonly fruDevice: number;
  readonly sdrDevice: number;
  readonly selDevice: number;
  readonly managementDevice: number;
  readonly bridgeDevice: number;
}

export const getChassisCapabilities: Command<void, ChassisCapabilities> = {
  name: 'Get Chassis Capabilities',
  netFn: NET_FN.chassis,
  code: 0x00,
  level: 'user',
  repeatable: true,
  encode: () => NOTHING,
  decode(data) {
    const flags = data.u8(0);
    return {
      powerInterlock: bit(flags, 3),
      diagnosticInterrupt: bit(flags, 2),
      frontPanelLockout: bit(flags, 1),
      intrusionSensor: bit(flags, 0),
      fruDevice: data.u8(1),
      sdrDevice: data.u8(2),
      selDevice: data.u8(3),
      managementDevice: data.u8(4),
      bridgeDevice: data.length > 5 ? data.u8(5) : BMC_ADDRESS,
    };
  },
};
