import { access } from 'node:fs/promises';
import type { LogSink, StateStore } from '../../ports/index.ts';
import { MIGRATIONS } from './state-migrations.ts';

/** What a packed firmware says of itself, beside the folder of the running program. */
export const FIRMWARE_FILE = new URL('../firmware.json', import.meta.url);

/** Which slot was started, as the chooser says. */
export const SLOT_FILE = '/run/slot';

/** Whether this program may be a part of a firmware. */
export async function hasFirmware(config: { readonly firmware?: unknown }): Promise<boolean> {
  if (config.firmware !== undefined) return true;
  for (const path of [FIRMWARE_FILE, SLOT_FILE]) {
    const there = await access(path).then(
      () => true,
      () => false,
    );
    if (there) return true;
  }
  return false;
}

/** The state is in a format that this program knows before anything reads it. NS_STATE_NEWER. */
export async function settleState(store: StateStore, proven: boolean, log: LogSink): Promise<void> {
  if (MIGRATIONS.length === 0 && (await store.names('state-format')).length === 0) return;
  const { settleStateFormat } = await import('../../firmware/index.ts');
  const { format, did } = await settleStateFormat(store, MIGRATIONS, proven);
  if (did !== 'nothing') log.log('info', 'state.format', { format, did });
}
