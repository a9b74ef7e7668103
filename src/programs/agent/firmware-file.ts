import { access } from 'node:fs/promises';

/** What a packed firmware says of itself, beside the folder of the running program. */
export const FIRMWARE_FILE = new URL('../firmware.json', import.meta.url);

/** Whether this program may be a part of a firmware. */
export async function hasFirmware(config: { readonly firmware?: unknown }): Promise<boolean> {
  if (config.firmware !== undefined) return true;
  return access(FIRMWARE_FILE).then(
    () => true,
    () => false,
  );
}
