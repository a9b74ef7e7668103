import { allow, refuse, type Verdict } from '../../base/index.ts';
import type { FileSystem, HostPath } from '../../ports/index.ts';
import type { Order } from '../../protocol/index.ts';
import { destructionByName, destructionOf, isSystemPath, SYSTEM_PATHS } from '../../security/index.ts';
import type { TaskContext } from '../task.ts';
import { foldPath, guardedPaths } from './protect.ts';

/** What stands at the root of a volume that a host starts from. */
const BOOT_NAMES = ['/EFI', '/efi', '/grub', '/grub2', '/loader', '/extlinux', '/syslinux', '/bootcode.bin'];
/** And what stands at the root of one that holds a system too. One person does not make these on the former. */
const ROOT_NAMES = ['/etc', '/usr', '/home', '/Windows'];
const ROOT_FOLDED = ROOT_NAMES.map(foldPath);

type FileOrder = Order<'file.delete' | 'file.download'>;

/** As checkMade, of each of many. */
export async function checkAllMade(
  order: Order<'file.download'>,
  fs: FileSystem,
  paths: readonly HostPath[],
  signal: AbortSignal,
): Promise<Verdict<void>> {
  const [first] = paths;
  if (first === undefined || order.args.dryRun === true || destructionByName(order) !== undefined) {
    return allow(undefined);
  }
  const system = await systemNames(fs, signal);
  const atRoot = paths.find((path) => isGuarded(foldPath(path), ROOT_FOLDED));
  const vital = paths.find((path) => isSystemPath(path) || isGuarded(foldPath(path), system));
  for (const path of [atRoot, vital]) {
    const free = path === undefined ? allow(undefined) : await checkMade(order, fs, path, signal);
    if (!free.ok) return free;
  }
  return allow(undefined);
}

/**
 * The same of a file that is to be made where none is: NEEDS_TOKEN where it really comes to lie on a system path;
 * PATH_PROTECTED where it would hide what its volume is there for.
 */
export async function checkMade(
  order: Order<'file.download'>,
  fs: FileSystem,
  path: HostPath,
  signal: AbortSignal,
): Promise<Verdict<void>> {
  if (order.args.dryRun === true || destructionByName(order) !== undefined) return allow(undefined);
  if (isGuarded(foldPath(path), ROOT_FOLDED) && (await startsHost(fs, signal))) {
    return refuse(
      'PATH_PROTECTED',
      `With ${path}, ${fs.facts.label || 'this volume'} would look like one that holds a system, and it is there for the host to start.`,
      'Put it on another volume, or under another name.',
    );
  }
  const hit = isSystemPath(path) || isGuarded(foldPath(path), await systemNames(fs, signal));
  if (!hit) return allow(undefined);
  return refuse(
    'NEEDS_TOKEN',
    `${order.args.path} leads to ${path}, from where a host starts.`,
    'Name it by the path that the system has for it, in an order with a token, by two people.',
  );
}

/**
 * Whether an order that is not destructive by its own words would remove or replace what a host needs to start: where the
 * paths really lead, under every name that a system path has on this volume, and everything on a volume that is there
 * for starting alone. NEEDS_TOKEN.
 */
export async function checkSystem(
  order: FileOrder,
  fs: FileSystem,
  lost: readonly HostPath[],
  signal: AbortSignal,
): Promise<Verdict<void>> {
  if (lost.length === 0 || order.args.dryRun === true || destructionByName(order) !== undefined) {
    return allow(undefined);
  }
  if (await startsHost(fs, signal)) {
    const remedy =
      'Remove it by a recursive order, which takes a token and two people; what is not there any more can be put.';
    return refuse(
      'NEEDS_TOKEN',
      `${fs.facts.label || 'This volume'} is there for the host to start.`,
      remedy,
    );
  }
  const guarded = await systemNames(fs, signal);
  const removes = order.verb === 'file.delete';
  const hit = lost.find((path) => isSystemPath(path, removes) || isGuarded(foldPath(path), guarded));
  if (hit === undefined) return allow(undefined);
  const remedy = isSystemPath(hit, removes)
    ? `Name the real path, ${hit}, in an order with a token, by two people.`
    : 'Remove it by a recursive order, which takes a token and two people; what is not there any more can be put.';
  return refuse(
    'NEEDS_TOKEN',
    `${order.args.path} leads to ${hit}, without which a host may not start.`,
    remedy,
  );
}

async function systemNames(fs: FileSystem, signal: AbortSignal): Promise<readonly string[]> {
  return (await guardedPaths(fs, SYSTEM_PATHS, signal)).map(foldPath);
}

function isGuarded(path: string, guarded: readonly string[]): boolean {
  return guarded.some((each) => path === each || path.startsWith(`${each}/`));
}

async function startsHost(fs: FileSystem, signal: AbortSignal): Promise<boolean> {
  const there = async (path: HostPath) => (await fs.stat(path, true, signal)).ok;
  for (const name of ROOT_NAMES) if (await there(name)) return false;
  for (const name of BOOT_NAMES) if (await there(name)) return true;
  return false;
}

/**
 * Counts what one key removes or replaces without a token: BUDGET_SPENT past its share of a day. Keys to which a right was
 * passed on have no share of their own, since a key can make any number of them.
 */
export function takeShare(
  order: FileOrder,
  { services: { budget }, issuer }: Pick<TaskContext, 'services' | 'issuer'>,
  files: number,
): Promise<Verdict<void>> {
  const free = files === 0 || order.args.dryRun === true || destructionOf(order) !== undefined;
  return free
    ? Promise.resolve(allow(undefined))
    : budget.takePlain((issuer.through?.[0] ?? issuer).keyId, files);
}
