import { ByteView, sentenceOf } from '../../base/index.ts';
import { decodeFactors } from '../commands/reading-factors.ts';
import { THRESHOLDS, type Threshold } from '../commands/sensor-thresholds.ts';
import { bit } from '../wire/bits.ts';
import { decodeBcdPlus, decodeLatin1, decodeSixBit } from '../wire/type-length.ts';
import {
  type AnalogFormat,
  type CompactSensor,
  type Entity,
  type EventOnlySensor,
  type FruLocator,
  type FullSensor,
  MC_CAPABILITIES,
  type McLocator,
  type SdrRecord,
  type Sensor,
  type Sharing,
} from './record.ts';
import { unitOf } from './unit.ts';

export const SDR_HEADER = 5;
export const SDR_TYPE = {
  full: 0x01,
  compact: 0x02,
  eventOnly: 0x03,
  fru: 0x11,
  mc: 0x12,
  oem: 0xc0,
} as const;
export const ANALOG_FORMATS: readonly AnalogFormat[] = [
  'unsigned',
  'ones-complement',
  'twos-complement',
  'none',
];

/** A whole record with its header. One that makes no sense is "damaged": the others are still good. */
export function decodeSdr(bytes: Uint8Array): SdrRecord {
  const view = new ByteView(bytes, 'a sensor data record');
  const [record, type] = [view.u16le(0), view.u8(3)];
  const data = bytes.subarray(SDR_HEADER);
  try {
    switch (type) {
      case SDR_TYPE.full:
        return full(view, record);
      case SDR_TYPE.compact:
        return compact(view, record);
      case SDR_TYPE.eventOnly:
        return eventOnly(view, record);
      case SDR_TYPE.fru:
        return fruLocator(view, record);
      case SDR_TYPE.mc:
        return mcLocator(view, record);
      case SDR_TYPE.oem:
        return {
          is: 'oem',
          record,
          manufacturer: view.u16le(5) | (view.u8(7) << 16),
          data: bytes.subarray(8),
        };
      default:
        return { is: 'other', record, type, data };
    }
  } catch (error) {
    return { is: 'damaged', record, type, data, why: sentenceOf(error) };
  }
}

function full(view: ByteView, record: number): FullSensor {
  const flags = view.u8(30);
  const told = (n: number, at: number): number | undefined => (bit(flags, n) ? view.u8(at) : undefined);
  const eventType = view.u8(13);
  const masked = (at: number): Threshold[] =>
    eventType === 1 ? THRESHOLDS.filter((_, n) => bit(view.u8(at), n)) : [];
  return {
    is: 'full',
    ...sensor(view, record, 12, 47),
    unit: unitOf(view.u8(20), view.u8(21), view.u8(22)),
    format: ANALOG_FORMATS[view.u8(20) >> 6]!,
    linearisation: view.u8(23) & 0x7f,
    factors: decodeFactors(view, 24),
    nominal: told(0, 31),
    normalMost: told(1, 32),
    normalLeast: told(2, 33),
    most: view.u8(34),
    least: view.u8(35),
    readable: masked(18),
    settable: masked(19),
    hysteresis: { positive: view.u8(42), negative: view.u8(43) },
  };
}

const compact = (view: ByteView, record: number): CompactSensor => ({
  is: 'compact',
  ...sensor(view, record, 12, 31),
  unit: unitOf(view.u8(20), view.u8(21), view.u8(22)),
  sharing: sharing(view, 23),
});

const eventOnly = (view: ByteView, record: number): EventOnlySensor => ({
  is: 'event-only',
  ...sensor(view, record, 10, 16),
  sharing: sharing(view, 12),
});

/** `typeAt`: where the sensor type is, with the event type behind it; `nameAt`: where the name is. */
function sensor(view: ByteView, record: number, typeAt: number, nameAt: number): Sensor {
  return {
    record,
    owner: view.u8(5),
    channel: view.u8(6) >> 4,
    lun: view.u8(6) & 3,
    number: view.u8(7),
    entity: entity(view, 8),
    sensorType: view.u8(typeAt),
    eventType: view.u8(typeAt + 1),
    name: name(view, nameAt),
  };
}

function sharing(view: ByteView, at: number): Sharing {
  const [how, modifier] = [view.u8(at), view.u8(at + 1)];
  return {
    // Many makers leave 0 where they mean one.
    count: Math.max(1, how & 0x0f),
    first: modifier & 0x7f,
    letters: ((how >> 4) & 3) === 1,
    instancesCountToo: bit(modifier, 7),
  };
}

function mcLocator(view: ByteView, record: number): McLocator {
  const capabilities = view.u8(8);
  return {
    is: 'mc-locator',
    record,
    address: view.u8(5),
    channel: view.u8(6) & 0x0f,
    capabilities: MC_CAPABILITIES.filter((_, n) => bit(capabilities, n)),
    entity: entity(view, 12),
    name: name(view, 15),
  };
}

function fruLocator(view: ByteView, record: number): FruLocator {
  const access = view.u8(7);
  return {
    is: 'fru-locator',
    record,
    address: view.u8(5),
    device: view.u8(6),
    logical: bit(access, 7),
    lun: (access >> 3) & 3,
    bus: access & 7,
    channel: view.u8(8) >> 4,
    deviceType: view.u8(10),
    modifier: view.u8(11),
    entity: entity(view, 12),
    name: name(view, 15),
  };
}

function entity(view: ByteView, at: number): Entity {
  const instance = view.u8(at + 1);
  return { id: view.u8(at), instance: instance & 0x7f, logical: bit(instance, 7) };
}

/** Type and length code, then the text (IPMI 2.0, 43.15). A text that is cut is given as far as it came. */
function name(view: ByteView, at: number): string {
  const code = view.u8(at);
  const bytes = view.slice(at + 1, Math.min(code & 0x1f, view.length - at - 1));
  switch (code >> 6) {
    case 0:
      return Buffer.from(bytes.subarray(0, bytes.byteLength & ~1)).toString('utf16le');
    case 1:
      return decodeBcdPlus(bytes).trimEnd();
    case 2:
      return decodeSixBit(bytes).trimEnd();
    default:
      return decodeLatin1(bytes);
  }
}
