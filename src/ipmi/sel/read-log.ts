import { NsError } from '../../base/index.ts';
import { type Carrier, runCommand } from '../command.ts';
import { FIRST_RECORD, getSelEntry, LAST_RECORD } from '../commands/get-sel-entry.ts';
import { IpmiCompletion } from '../faults.ts';
import { decodeSelRecord } from './decode.ts';
import type { SelRecord } from './record.ts';

const NOT_PRESENT = 0xcb;

/**
 * The event log in its order, the oldest first. NS_IPMI_SEL where its records go round in a circle. A record that is erased
 * meanwhile ends it.
 */
export async function readLog(carrier: Carrier, signal: AbortSignal): Promise<readonly SelRecord[]> {
  const records: SelRecord[] = [];
  const seen = new Set<number>();
  for (let record = FIRST_RECORD; record !== LAST_RECORD; ) {
    if (seen.has(record)) {
      throw new NsError('NS_IPMI_SEL', `the event log makes no sense: record ${record} comes twice`, {
        family: 'peer',
      });
    }
    seen.add(record);
    try {
      const entry = await runCommand(carrier, getSelEntry, { record }, signal);
      records.push(decodeSelRecord(entry.record));
      record = entry.next;
    } catch (error) {
      if (error instanceof IpmiCompletion && error.completion === NOT_PRESENT) break;
      throw error;
    }
  }
  return records;
}
