import { ByteView } from '../../base/index.ts';
import { sensorTypeName } from '../sdr/sensor-type.ts';
import { THRESHOLD_EVENTS, wordOf } from '../sdr/state-words.ts';
import { bit, flag, le16, le32 } from '../wire/bits.ts';
import type { Generator, SelEvent, SelRecord, SelTime } from './record.ts';

const SYSTEM_EVENT = 0x02;
const OEM_TIMED = 0xc0;
const OEM = 0xe0;
const EVENT_REVISION = 0x04;
/** Times below this are since the BMC's start (IPMI 2.0, 37). */
const FIRST_CLOCK_TIME = 0x2000_0000;
const UNKNOWN_TIME = 0xffff_ffff;
/** What event data 2 and 3 hold, from the top bits of event data 1. */
const TRIGGER = 1;

/** A record of 16 bytes. */
export function decodeSelRecord(bytes: Uint8Array): SelRecord {
  const view = new ByteView(bytes, 'an event log record');
  const [id, type] = [view.u16le(0), view.u8(2)];
  if (type >= OEM) return { is: 'oem', id, type, data: view.slice(3, 13) };
  if (type >= OEM_TIMED) {
    const manufacturer = view.u16le(7) | (view.u8(9) << 16);
    return { is: 'oem-timed', id, type, time: time(view.u32le(3)), manufacturer, data: view.slice(10, 6) };
  }
  if (type !== SYSTEM_EVENT) return { is: 'oem', id, type, data: view.slice(3, 13) };
  const [sensorType, how, first] = [view.u8(10), view.u8(12), view.u8(13)];
  const [eventType, offset] = [how & 0x7f, first & 0x0f];
  const hasThresholds = eventType === THRESHOLD_EVENTS;
  return {
    is: 'event',
    id,
    time: time(view.u32le(3)),
    generator: generator(view.u8(7), view.u8(8)),
    sensorType,
    sensor: view.u8(11),
    eventType,
    asserted: !bit(how, 7),
    offset,
    reading: hasThresholds && first >> 6 === TRIGGER ? view.u8(14) : undefined,
    threshold: hasThresholds && ((first >> 4) & 3) === TRIGGER ? view.u8(15) : undefined,
    data: view.slice(13, 3),
    sentence: `${sensorTypeName(sensorType)}: ${wordOf(sensorType, eventType, offset)}`,
  };
}

/** For Add SEL Entry; the BMC gives id and time of its own. */
export function encodeSelEvent(
  event: Pick<SelEvent, 'generator' | 'sensorType' | 'sensor' | 'eventType' | 'asserted' | 'data'> & {
    readonly id?: number;
    readonly seconds?: number;
  },
): Uint8Array {
  const { generator: from, data } = event;
  return Uint8Array.of(
    ...le16(event.id ?? 0),
    SYSTEM_EVENT,
    ...le32(event.seconds ?? 0),
    from.is === 'software' ? (from.id << 1) | 1 : from.id & 0xfe,
    (from.channel << 4) | from.lun,
    EVENT_REVISION,
    event.sensorType,
    event.sensor,
    event.eventType | flag(!event.asserted, 7),
    data[0] ?? 0xff,
    data[1] ?? 0xff,
    data[2] ?? 0xff,
  );
}

function time(seconds: number): SelTime {
  if (seconds === UNKNOWN_TIME) return { seconds, since: 'unknown' };
  return { seconds, since: seconds < FIRST_CLOCK_TIME ? 'start' : 'clock' };
}

const generator = (first: number, second: number): Generator => ({
  is: bit(first, 0) ? 'software' : 'controller',
  id: bit(first, 0) ? first >> 1 : first,
  channel: second >> 4,
  lun: second & 3,
});
