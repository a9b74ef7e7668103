import type { CompactSensor, EventOnlySensor, FullSensor, SdrRecord, Sharing } from './record.ts';

export type AnySensor = FullSensor | CompactSensor | EventOnlySensor;

/** Every sensor that the records stand for: one record may have up to 15 (IPMI 2.0, 43.2). */
export function sensorsOf(records: readonly SdrRecord[]): readonly AnySensor[] {
  return records.flatMap((record): AnySensor[] => {
    if (record.is === 'full') return [record];
    if (record.is !== 'compact' && record.is !== 'event-only') return [];
    const { sharing } = record;
    if (sharing.count === 1) return [record];
    return Array.from({ length: sharing.count }, (_, n) => ({
      ...record,
      number: (record.number + n) & 0xff,
      name: `${record.name}${suffix(sharing, n)}`,
      entity: {
        ...record.entity,
        instance: record.entity.instance + (sharing.instancesCountToo ? n : 0),
      },
    }));
  });
}

/** Numbers count 1, 2, 3; letters A to Z, then AA. */
function suffix({ first, letters }: Sharing, n: number): string {
  const value = first + n;
  if (!letters) return String(value);
  const letter = (place: number): string => String.fromCharCode(0x41 + place);
  return value < 26 ? letter(value) : `${letter(Math.floor(value / 26) - 1)}${letter(value % 26)}`;
}
