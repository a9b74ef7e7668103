import { NsError } from '../../base/index.ts';
import type { ChannelPlace } from '../../board/index.ts';
import type { KernelFiles } from './kernel-files.ts';

const HWMON = '/sys/class/hwmon';
const MOST_ENTRIES = 256;

/** Where a hwmon device is now. Looked for each time: its number changes when its driver is loaded anew. NS_IO_FAILED. */
export async function findHwmon(
  files: KernelFiles,
  channel: string,
  { name, device }: Pick<Extract<ChannelPlace, { readonly on: 'hwmon' }>, 'name' | 'device'>,
): Promise<string> {
  const entries = (await files.has(HWMON)) ? await files.list(HWMON) : [];
  for (const entry of entries.slice(0, MOST_ENTRIES)) {
    const path = `${HWMON}/${entry}`;
    if ((await files.text(`${path}/name`).catch(() => '')) !== name) continue;
    if (device === undefined) return path;
    if ((await files.target(`${path}/device`).catch(() => '')) === device) return path;
  }
  const where = device === undefined ? '' : ` at ${device}`;
  throw new NsError('NS_IO_FAILED', `${channel}: the kernel shows no ${name}${where}`);
}

/** A whole number that one of its files says. NS_IO_FAILED. */
export async function numberIn(files: KernelFiles, channel: string, path: string): Promise<number> {
  const text = await files.text(path);
  const value = Number(text);
  if (text !== '' && Number.isSafeInteger(value)) return value;
  throw new NsError('NS_IO_FAILED', `${channel}: ${path} says no whole number`);
}
