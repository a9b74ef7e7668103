import type { PowerReading, PowerState } from '../../ports/index.ts';
import { CHASSIS_CONTROL, type ChassisControl } from '../commands/chassis-control.ts';
import { encodeSelEvent } from '../sel/decode.ts';
import { le24, le32 } from '../wire/bits.ts';
import { BMC_ADDRESS } from '../wire/message.ts';
import { OWN_SENSORS, type OwnSensor } from './own-sensors.ts';

/** What happened, as the audit log has it. */
export interface AuditedEvent {
  /** Seconds since 1970 by the wall clock. */
  readonly at: number;
  /** "order.succeeded". */
  readonly event: string;
  /** "1a2b3c4d file.delete disk0p2:/etc/motd": the beginning of the order's id, then its verb. */
  readonly detail: string;
}

/** A record for the event log, before it has an id. */
export interface NewRecord {
  readonly record: Uint8Array;
  readonly at: number;
  /** One of many, as SelStore.add has it. */
  readonly passing: boolean;
}

/** Offsets of System ACPI Power State. */
const ACPI: Readonly<Record<PowerState, number>> = { S0: 0, S3: 3, S4: 4, S5: 5, G3: 7, unknown: 14 };
const POWER_UNIT = { off: 0, acLost: 4 } as const;
const DEVICE = { disabled: 0, enabled: 1 } as const;
const SESSION = { activated: 0, deactivated: 1, invalid: 2 } as const;
const FRONT_PANEL_VIOLATION = 0;
const LOG_CLEARED = 2;
const UNKNOWN = 0xff;

/** An event of one of the BMC's own sensors. */
export function ownEvent(
  sensor: OwnSensor,
  offset: number,
  { asserted = true, data = [] }: { readonly asserted?: boolean; readonly data?: readonly number[] } = {},
): Uint8Array {
  const { number, sensorType, eventType } = OWN_SENSORS[sensor];
  // Data 2 and 3 are told of in the top bits of data 1: 11b is for what the sensor type's own table says of them.
  const told = (data.length > 0 ? 0xc0 : 0) | (data.length > 1 ? 0x30 : 0);
  return encodeSelEvent({
    generator: { is: 'controller', id: BMC_ADDRESS, channel: 0, lun: 0 },
    sensorType,
    sensor: number,
    eventType,
    asserted,
    data: Uint8Array.of(told | offset, data[0] ?? UNKNOWN, data[1] ?? UNKNOWN),
  });
}

export const logCleared = (): Uint8Array => ownEvent('eventLog', LOG_CLEARED);

/** What a change of the host's power is in the log: its new state, and what that means for the power unit. */
export function powerRecords(before: PowerReading | undefined, after: PowerReading): readonly Uint8Array[] {
  const was = before && stateOf(before);
  const is = stateOf(after);
  if (was === is) return [];
  const records = [ownEvent('hostPower', ACPI[is])];
  // What is not known is no change of the power unit: the next state that is known will tell.
  if (is === 'unknown' || was === undefined || was === 'unknown') return records;
  if (isOff(was) !== isOff(is)) records.push(ownEvent('powerUnit', POWER_UNIT.off, { asserted: isOff(is) }));
  if ((was === 'G3') !== (is === 'G3'))
    records.push(ownEvent('powerUnit', POWER_UNIT.acLost, { asserted: is === 'G3' }));
  return records;
}

/** The offset of System ACPI Power State that a reading is. */
export const acpiOffset = (reading: PowerReading): number => ACPI[stateOf(reading)];

const stateOf = ({ certain, state }: PowerReading): PowerState => (certain ? state : 'unknown');
const isOff = (state: PowerState): boolean => state === 'S4' || state === 'S5' || state === 'G3';

const SESSION_EVENT = 'bmc.log';
const ORDER_EVENT = 'order.';
/** By place, in byte 11 of the record: places never change. 0 is any other. */
const VERBS = [
  '',
  'file.list',
  'file.stat',
  'file.upload',
  'file.download',
  'file.delete',
  'memory.check',
  'io.list',
  'io.read',
  'io.write',
  'io.watch',
  'machine.status',
  'machine.disable',
  'machine.enable',
  'chain.status',
  'chain.sync',
  'task.list',
  'task.cancel',
  'audit.read',
] as const;
const OUTCOMES = [
  '',
  'succeeded',
  'failed',
  'refused',
  'cancelled',
  'expired',
  'unknown',
  'rejected',
] as const;
const OEM_TIMED = 0xc0;
/** In the high half of byte 10: what the rest is. */
const ORDER = 0x10;
const POWER_ORDER = 0x20;

/**
 * What the log says of an audited event; empty where it says nothing. An order is an OEM record of type C0h: bytes 7-9
 * manufacturer, byte 10 10h and the outcome, byte 11 the verb, bytes 12-15 the first four of the order's id. A power order by
 * IPMI is one too: byte 10 20h and the outcome, byte 11 the action as Chassis Control numbers it.
 */
export function auditRecords(entry: AuditedEvent, manufacturer: number): readonly NewRecord[] {
  const passing = entry.event.startsWith(SESSION_EVENT);
  return recordsOf(entry, manufacturer).map((record) => ({ record, at: entry.at, passing }));
}

function recordsOf({ event, detail }: AuditedEvent, manufacturer: number): readonly Uint8Array[] {
  switch (event) {
    case 'bmc.login':
      return [ownEvent('sessions', SESSION.activated)];
    case 'bmc.logout':
      return [ownEvent('sessions', SESSION.deactivated)];
    case 'bmc.login-refused':
      return [ownEvent('sessions', SESSION.invalid)];
    case 'bmc.power':
      return powerOrderRecords(detail, manufacturer);
    case 'lock.wake-reverted':
    case 'wake.refused':
      return [ownEvent('security', FRONT_PANEL_VIOLATION)];
    default:
      return event.startsWith(ORDER_EVENT)
        ? orderRecords(event.slice(ORDER_EVENT.length), detail, manufacturer)
        : [];
  }
}

function orderRecords(outcome: string, detail: string, manufacturer: number): readonly Uint8Array[] {
  const [id = '', verb = ''] = detail.split(' ', 2);
  const record = oemRecord(manufacturer, [
    ORDER | placeIn(OUTCOMES, outcome),
    placeIn(VERBS, verb),
    ...(/^[0-9a-f]{8}$/.test(id) ? Buffer.from(id, 'hex') : [0, 0, 0, 0]),
  ]);
  if (outcome !== 'succeeded') return [record];
  if (verb === 'machine.disable') return [record, ownEvent('machine', DEVICE.disabled)];
  if (verb === 'machine.enable') return [record, ownEvent('machine', DEVICE.enabled)];
  return [record];
}

const placeIn = (names: readonly string[], name: string): number => Math.max(0, names.indexOf(name));

/** Of "on by IPMI user admin: done", "...: failed", or "...: refused DISABLED". */
function powerOrderRecords(detail: string, manufacturer: number): readonly Uint8Array[] {
  const [action = ''] = detail.split(' ', 1);
  if (!Object.hasOwn(CHASSIS_CONTROL, action)) return [];
  const [, how = ''] = /: (done|failed)$/.exec(detail) ?? [];
  const outcome = how === 'done' ? 'succeeded' : how === 'failed' ? 'failed' : 'refused';
  const code = CHASSIS_CONTROL[action as ChassisControl];
  return [oemRecord(manufacturer, [POWER_ORDER | placeIn(OUTCOMES, outcome), code, 0, 0, 0, 0])];
}

const oemRecord = (manufacturer: number, data: readonly number[]): Uint8Array =>
  Uint8Array.of(0, 0, OEM_TIMED, ...le32(0), ...le24(manufacturer), ...data);
