import { type Carrier, runCommand } from '../command.ts';
import { deleteSelEntry } from '../commands/delete-sel-entry.ts';
import { reserveSel } from '../commands/reserve-sel.ts';

/** Deletes one record under a reservation of its own, so that a log that changes meanwhile refuses (C5h). */
export async function deleteRecord(carrier: Carrier, record: number, signal: AbortSignal): Promise<number> {
  const reservation = await runCommand(carrier, reserveSel, undefined, signal);
  return await runCommand(carrier, deleteSelEntry, { reservation, record }, signal);
}
