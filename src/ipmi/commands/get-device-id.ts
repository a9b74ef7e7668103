import { type Command, NOTHING } from '../command.ts';
import { NET_FN } from '../wire/message.ts';

/** IPMI 2.0, 20.1. */
export interface DeviceId {
  readonly deviceId: number;
  readonly deviceRevision: number;
  readonly providesSdrs: boolean;
  /** False while the BMC starts or updates itself. */
  readonly available: boolean;
  /** "2.17". */
  readonly firmware: string;
  /** "2.0". */
  readonly ipmiVersion: string;
  readonly manufacturerId: number;
  readonly productId: number;
  readonly auxiliaryFirmware: Uint8Array | undefined;
}

export const getDeviceId: Command<void, DeviceId> = {
  name: 'Get Device ID',
  netFn: NET_FN.app,
  code: 0x01,
  level: 'user',
  repeatable: true,
  encode: () => NOTHING,
  decode(data) {
    const version = data.u8(4);
    return {
      deviceId: data.u8(0),
      deviceRevision: data.u8(1) & 0x0f,
      providesSdrs: (data.u8(1) & 0x80) !== 0,
      available: (data.u8(2) & 0x80) === 0,
      // The minor revision is binary-coded decimal.
      firmware: `${data.u8(2) & 0x7f}.${data.u8(3).toString(16).padStart(2, '0')}`,
      ipmiVersion: `${version & 0x0f}.${version >> 4}`,
      manufacturerId: data.u16le(6) | ((data.u8(8) & 0x0f) << 16),
      productId: data.u16le(9),
      auxiliaryFirmware: data.length >= 15 ? data.slice(11, 4) : undefined,
    };
  },
};
