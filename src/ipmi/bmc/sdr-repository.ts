import { encodeSdr } from '../sdr/encode.ts';
import type { FruLocator, McLocator } from '../sdr/record.ts';
import { BMC_ADDRESS } from '../wire/message.ts';
import type { ServedSensor } from './served-sensors.ts';

const SYSTEM_BOARD = { id: 7, instance: 1, logical: false } as const;
const BMC_FIRMWARE = { id: 0x2e, instance: 1, logical: false } as const;
const LOGICAL_FRU_DEVICE = 0x10;
const BOARD_FRU = 0;

/** The sensor data records of a machine, by id: a BMC, the board's FRU, and its sensors. They stay the same while it runs. */
export function sdrRepository(
  name: string,
  sensors: readonly ServedSensor[],
): ReadonlyMap<number, Uint8Array> {
  const records: Uint8Array[] = [];
  const next = (): number => records.length + 1;
  records.push(encodeSdr(mcLocator(next(), name)));
  records.push(encodeSdr(fruLocator(next())));
  for (const { record, states } of sensors)
    records.push(encodeSdr({ ...record, record: next() }, { states }));
  return new Map(records.map((bytes, n) => [n + 1, bytes]));
}

const mcLocator = (record: number, name: string): McLocator => ({
  is: 'mc-locator',
  record,
  address: BMC_ADDRESS,
  channel: 0,
  capabilities: ['sensor', 'sdr-repository', 'sel', 'fru-inventory', 'chassis'],
  entity: BMC_FIRMWARE,
  name: name.replace(/[^\x20-\x7e]/g, '?').slice(0, 16),
});

const fruLocator = (record: number): FruLocator => ({
  is: 'fru-locator',
  record,
  address: BMC_ADDRESS,
  logical: true,
  device: BOARD_FRU,
  lun: 0,
  bus: 0,
  channel: 0,
  deviceType: LOGICAL_FRU_DEVICE,
  modifier: 0,
  entity: SYSTEM_BOARD,
  name: 'Board',
});
