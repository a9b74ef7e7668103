import { NsError } from '../../base/index.ts';
import { encodeFactors } from '../commands/reading-factors.ts';
import { THRESHOLDS, type Threshold } from '../commands/sensor-thresholds.ts';
import { flag, le16 } from '../wire/bits.ts';
import { encodeLatin1 } from '../wire/type-length.ts';
import { ANALOG_FORMATS, SDR_HEADER, SDR_TYPE } from './decode.ts';
import {
  type CompactSensor,
  type Entity,
  type EventOnlySensor,
  type FruLocator,
  type FullSensor,
  MC_CAPABILITIES,
  type McLocator,
  type Sensor,
  type Sharing,
} from './record.ts';
import { unitBytes } from './unit.ts';

const VERSION = 0x51;
export const LONGEST_SENSOR_NAME = 16;
/** Scanning is on at power-up, and nothing is to be set by whoever initialises sensors. */
const SCANS = 0x01;
/** Re-arms by itself; no hysteresis, and no events but those that the log has. */
const NO_EVENTS = 0x43;
const READABLE_THRESHOLDS = 0x04;
const SETTABLE_THRESHOLDS = 0x08;

export interface EncodeSdrOptions {
  /** Of a discrete sensor: the states that it can be in, one bit each. */
  readonly states?: number;
}

type Encodable = FullSensor | CompactSensor | EventOnlySensor | McLocator | FruLocator;

/** A record as a repository keeps it, with its header. NS_IPMI_ARGUMENT where something does not fit into its place. */
export function encodeSdr(record: Encodable, { states = 0 }: EncodeSdrOptions = {}): Uint8Array {
  const body = bodyOf(record, states);
  const bytes = new Uint8Array(SDR_HEADER + body.length);
  bytes.set([...le16(record.record), VERSION, TYPE_OF[record.is], body.length]);
  bytes.set(body, SDR_HEADER);
  return bytes;
}

const TYPE_OF = {
  full: SDR_TYPE.full,
  compact: SDR_TYPE.compact,
  'event-only': SDR_TYPE.eventOnly,
  'mc-locator': SDR_TYPE.mc,
  'fru-locator': SDR_TYPE.fru,
} as const;

function bodyOf(record: Encodable, states: number): readonly number[] {
  switch (record.is) {
    case 'full':
      return full(record);
    case 'compact':
      return [
        ...sensor(record),
        SCANS,
        NO_EVENTS,
        record.sensorType,
        record.eventType,
        ...le16(0),
        ...le16(0),
        ...le16(states),
        ...unitBytes(record.unit, NO_NUMBER),
        ...sharing(record.sharing),
        0,
        0,
        0,
        0,
        0,
        0,
        ...name(record.name),
      ];
    case 'event-only':
      return [
        ...sensor(record),
        record.sensorType,
        record.eventType,
        ...sharing(record.sharing),
        0,
        0,
        ...name(record.name),
      ];
    case 'mc-locator': {
      const capabilities = MC_CAPABILITIES.reduce(
        (byte, each, n) => byte | flag(record.capabilities.includes(each), n),
        0,
      );
      const place = [record.address, record.channel, 0, capabilities, 0, 0, 0];
      return [...place, ...entity(record.entity), 0, ...name(record.name)];
    }
    case 'fru-locator': {
      const access = flag(record.logical, 7) | (record.lun << 3) | record.bus;
      const place = [record.address, record.device, access, record.channel << 4, 0];
      const kind = [record.deviceType, record.modifier, ...entity(record.entity), 0];
      return [...place, ...kind, ...name(record.name)];
    }
  }
}

const NO_NUMBER = ANALOG_FORMATS.indexOf('none');

function full(record: FullSensor): readonly number[] {
  const { readable, settable, nominal, normalMost, normalLeast, hysteresis } = record;
  const access = settable.length > 0 ? SETTABLE_THRESHOLDS : readable.length > 0 ? READABLE_THRESHOLDS : 0;
  const told =
    flag(nominal !== undefined, 0) | flag(normalMost !== undefined, 1) | flag(normalLeast !== undefined, 2);
  return [
    ...sensor(record),
    SCANS,
    NO_EVENTS | access,
    record.sensorType,
    record.eventType,
    ...le16(0),
    ...le16(0),
    thresholdMask(readable),
    thresholdMask(settable),
    ...unitBytes(record.unit, ANALOG_FORMATS.indexOf(record.format)),
    record.linearisation,
    ...encodeFactors(record.factors),
    told,
    nominal ?? 0,
    normalMost ?? 0,
    normalLeast ?? 0,
    record.most,
    record.least,
    0,
    0,
    0,
    0,
    0,
    0,
    hysteresis.positive,
    hysteresis.negative,
    0,
    0,
    0,
    ...name(record.name),
  ];
}

/** Bytes 5 to 9, which all sensors' records have alike. */
const sensor = ({ owner, channel, lun, number, entity: of }: Sensor): readonly number[] => [
  owner,
  (channel << 4) | lun,
  number,
  ...entity(of),
];

const entity = ({ id, instance, logical }: Entity): readonly number[] => [id, instance | flag(logical, 7)];

const sharing = ({ count, first, letters, instancesCountToo }: Sharing): readonly number[] => [
  count | flag(letters, 4),
  first | flag(instancesCountToo, 7),
];

const thresholdMask = (thresholds: readonly Threshold[]): number =>
  THRESHOLDS.reduce((byte, each, n) => byte | flag(thresholds.includes(each), n), 0);

/** Type and length code, then the text (IPMI 2.0, 43.15): of one character there is none, so that a NUL goes with it. */
function name(text: string): readonly number[] {
  const bytes = encodeLatin1(text);
  if (bytes.byteLength > LONGEST_SENSOR_NAME) {
    throw new NsError('NS_IPMI_ARGUMENT', `"${text}" has more than ${LONGEST_SENSOR_NAME} characters`, {
      family: 'caller',
    });
  }
  const padded = bytes.byteLength === 1 ? [...bytes, 0] : [...bytes];
  return [0xc0 | padded.length, ...padded];
}
