import type { KernelFiles } from '../../adapters/linux/index.ts';
import {
  type BoardLook,
  type Finding,
  type FlashLayout,
  failed,
  judgeFlash,
  notTried,
  proven,
  type SeenPartition,
} from '../../board/index.ts';

type Look<K extends BoardLook['at']> = Extract<BoardLook, { readonly at: K }>;

const SECTOR = 512;
const MOST_ENTRIES = 512;
const MOST_PROCESSES = 4096;

/** Whether the machine calls itself what the board is recognised by. */
export async function lookAtMachine({ compatible }: Look<'machine'>, files: KernelFiles): Promise<Finding> {
  const names = await compatibleOf(files);
  if (names === undefined) return failed('this machine has no device tree: it is another one');
  const known = names.find((name) => compatible.includes(name));
  return known === undefined
    ? failed(`it calls itself ${names.join(', ')}, and the board is ${compatible.join(' or ')}`)
    : proven(known);
}

/** What the machine calls itself; undefined where it has no device tree. */
export async function compatibleOf(files: KernelFiles): Promise<readonly string[] | undefined> {
  const text = await files.text('/proc/device-tree/compatible').catch(() => undefined);
  return text?.split('\0').filter((name) => name !== '');
}

/** A chip whose driver has taken it has answered that driver; what it says is read where a channel names it. */
export async function lookAtI2c({ device }: Look<'i2c'>, files: KernelFiles): Promise<Finding> {
  const { bus, address, kind, what } = device;
  const at = '/sys/bus/i2c/devices';
  const path = `${at}/${bus}-${address.toString(16).padStart(4, '0')}`;
  if (!(await files.has(`${at}/i2c-${bus}`))) return failed(`there is no bus ${bus}`);
  if (!(await files.has(path)))
    return failed(`the device tree has no chip there; it should be a ${kind} (${what})`);
  if (await files.has(`${path}/driver`))
    return proven(`${what}: the driver ${await files.target(`${path}/driver`)} has it`);
  return failed(`no driver has taken it: there is none for ${kind}, or the chip does not answer (${what})`);
}

/** Opening a watchdog arms it: this one is only asked. */
export async function lookAtWatchdog({ watchdog }: Look<'watchdog'>, files: KernelFiles): Promise<Finding> {
  const { path, driver, timeoutSeconds } = watchdog;
  if (!(await files.has(path))) return failed(`there is no ${path}: is its driver loaded?`);
  const at = `/sys/class/watchdog/${path.split('/').at(-1)}`;
  const [identity, timeout, state] = await Promise.all(
    ['identity', 'timeout', 'state'].map((name) => files.text(`${at}/${name}`).catch(() => undefined)),
  );
  if (identity === undefined)
    return notTried(`${path} is there; the kernel tells no more of it without arming it`);
  if (identity !== driver) return failed(`${path} is "${identity}", not "${driver}"`);
  const armed = state === 'active';
  const bites = timeout === undefined ? '' : `, resets after ${timeout} s`;
  if (armed && timeout !== undefined && Number(timeout) !== timeoutSeconds)
    return failed(`${driver} is armed${bites}, and the description has ${timeoutSeconds} s`);
  return proven(`${driver}${armed ? `, armed${bites}` : ', not armed: the agent does that'}`);
}

export async function lookAtHostInterface(
  { path }: Look<'host-interface'>,
  files: KernelFiles,
): Promise<Finding> {
  return (await files.has(path))
    ? proven(`${path} is there`)
    : failed(`there is no ${path}: is its driver loaded?`);
}

export async function lookAtGadget({ controller }: Look<'gadget'>, files: KernelFiles): Promise<Finding> {
  const there: readonly string[] = await files.list('/sys/class/udc').catch(() => []);
  if (there.includes(controller)) return proven(`${controller} is there`);
  return failed(
    `there is no ${controller}; the kernel has ${there.length === 0 ? 'none' : there.join(', ')}`,
  );
}

export interface UartHands {
  readonly files: KernelFiles;
  /** Opens and closes it; absent where the agent that looks has it open itself. */
  readonly tryUart?: (path: string, baud: number) => Promise<void>;
}

export async function lookAtUart({ uart }: Look<'uart'>, { files, tryUart }: UartHands): Promise<Finding> {
  const { path, baud, use } = uart;
  if (!(await files.has(path))) return failed(`there is no ${path}`);
  if (use === 'board-console') return proven(`${path} is there, and is the kernel's: not opened`);
  if (tryUart === undefined) {
    const ours = (await holdersOf(path, files, ['self'])).length > 0;
    return ours
      ? proven(`${path} is open in this agent`)
      : proven(`${path} is there; this agent does not use it`);
  }
  // Opening it would change the speed under whoever has it.
  const holders = await holdersOf(path, files);
  if (holders.length > 0) return notTried(`${path} is held by ${holders.join(', ')}`);
  await tryUart(path, baud);
  return proven(`${path} opens at ${baud} baud`);
}

/** Processes that have a file open, by name and number. Those that we may not ask are left out. */
export async function holdersOf(
  path: string,
  files: KernelFiles,
  among?: readonly string[],
): Promise<readonly string[]> {
  // A path may be a link by which udev names it.
  const name = (await files.target(path).catch(() => '')) || path.split('/').at(-1);
  const all = among ?? (await files.list('/proc').catch(() => [])).filter((entry) => /^\d+$/.test(entry));
  const holders: string[] = [];
  for (const pid of all.slice(0, MOST_PROCESSES)) {
    for (const fd of (await files.list(`/proc/${pid}/fd`).catch(() => [])).slice(0, MOST_ENTRIES)) {
      if ((await files.target(`/proc/${pid}/fd/${fd}`).catch(() => undefined)) !== name) continue;
      holders.push(`${await files.text(`/proc/${pid}/comm`).catch(() => 'a process')} (${pid})`);
      break;
    }
  }
  return holders;
}

/** Whether the flash has the partitions of the layout, as the kernel that runs has them. */
export async function lookAtFlash(
  { flash }: Look<'flash'>,
  files: KernelFiles,
  layout: FlashLayout | undefined,
): Promise<Finding> {
  const seen = flash.kind === 'nor' ? await norPartitions(files) : await blockPartitions(files);
  if (seen.length === 0) return failed(`the kernel shows no partition of a flash of kind ${flash.kind}`);
  if (layout === undefined)
    return notTried(
      `the layout ${flash.layout} is not here; there are ${seen.map(({ name }) => name).join(', ')}`,
    );
  return judgeFlash(layout, seen);
}

async function norPartitions(files: KernelFiles): Promise<readonly SeenPartition[]> {
  const at = '/sys/class/mtd';
  const entries = (await files.list(at).catch(() => [])).filter((entry) => /^mtd\d+$/.test(entry));
  const seen: SeenPartition[] = [];
  for (const entry of entries.slice(0, MOST_ENTRIES)) {
    const name = await files.text(`${at}/${entry}/name`).catch(() => undefined);
    const size = await numberIn(`${at}/${entry}/size`, files);
    const offset = await numberIn(`${at}/${entry}/offset`, files);
    if (name !== undefined && size !== undefined)
      seen.push({ name, size, ...(offset === undefined ? {} : { offset }) });
  }
  return seen;
}

async function blockPartitions(files: KernelFiles): Promise<readonly SeenPartition[]> {
  const at = '/sys/class/block';
  const seen: SeenPartition[] = [];
  for (const entry of (await files.list(at).catch(() => [])).slice(0, MOST_ENTRIES)) {
    const about = await files.text(`${at}/${entry}/uevent`).catch(() => '');
    const name = /^PARTNAME=(.+)$/m.exec(about)?.[1];
    const [start, size] = [
      await numberIn(`${at}/${entry}/start`, files),
      await numberIn(`${at}/${entry}/size`, files),
    ];
    if (name !== undefined && start !== undefined && size !== undefined)
      seen.push({ name, offset: start * SECTOR, size: size * SECTOR });
  }
  return seen;
}

async function numberIn(path: string, files: KernelFiles): Promise<number | undefined> {
  const value = Number(await files.text(path).catch(() => Number.NaN));
  return Number.isSafeInteger(value) ? value : undefined;
}
