import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, lstat, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { NsError, sentenceOf } from '../base/index.ts';

/** Receipts by number that share a directory. */
const A_DIRECTORY = 1000;
const MOST_FILES = 250_000;
const DEEPEST = 6;
const SUFFIX = '.receipt';

/** What a receipt is filed under. */
export interface FiledUnder {
  readonly tenant: string;
  readonly device: string;
  /** Number of the receipt. */
  readonly seq: number;
}

export interface FoundFile {
  readonly path: string;
  /** Undefined where the file is larger than `most` or cannot be read. */
  readonly bytes: Uint8Array | undefined;
}

/** $XDG_STATE_HOME/nightshift/receipts, ~/.local/state by default. */
export function usualReceiptFolder(environment: NodeJS.ProcessEnv): string {
  const state = environment.XDG_STATE_HOME || join(environment.HOME || homedir(), '.local', 'state');
  return join(state, 'nightshift', 'receipts');
}

/** Where one device's receipts lie. */
export function deviceFolder(folder: string, tenant: string, device: string): string {
  return join(folder, tenant, device);
}

/** Where the packet of an order lies that a device has staged and not answered yet. */
export function stagedOrderPath(
  folder: string,
  { tenant, device, id }: { readonly tenant: string; readonly device: string; readonly id: string },
): string {
  return join(deviceFolder(folder, tenant, device), 'staged', `${id}.order`);
}

/**
 * Receipts kept for good, a file each: FOLDER/TENANT/DEVICE/BLOCK/NUMBER-HASH.receipt. A receipt that is there already
 * is the same file; another with the same number lies beside it, as evidence.
 */
export class ReceiptFolder {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Makes the folder where it is not there, and tries that it can be written. NS_RECEIPTS. */
  static async open(path: string): Promise<ReceiptFolder> {
    const probe = join(path, `.probe.${randomBytes(6).toString('hex')}`);
    try {
      await mkdir(path, { recursive: true, mode: 0o700 });
      await (await open(probe, 'wx', 0o600)).close();
      await rm(probe);
    } catch (error) {
      throw failed(path, 'written', error);
    }
    return new ReceiptFolder(path);
  }

  /** On stable storage when it returns, whole or not at all, readable by its owner only. NS_RECEIPTS. */
  async keep({ tenant, device, seq }: FiledUnder, bytes: Uint8Array): Promise<void> {
    const block = String(Math.floor(seq / A_DIRECTORY)).padStart(8, '0');
    const directory = join(deviceFolder(this.path, tenant, device), block);
    const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
    const path = join(directory, `${String(seq).padStart(11, '0')}-${hash}${SUFFIX}`);
    await keepWhole(path, bytes);
  }

  /** The same for an order that a device has staged, by its id as hexadecimal digits. */
  async keepStaged(
    under: { readonly tenant: string; readonly device: string; readonly id: string },
    text: string,
  ): Promise<void> {
    const path = stagedOrderPath(this.path, under);
    if (!(await isThere(path))) await keepWhole(path, text);
  }
}

/** Replaces a file of that name. */
async function keepWhole(path: string, contents: Uint8Array | string): Promise<void> {
  const directory = dirname(path);
  const draft = `${path}.${randomBytes(6).toString('hex')}.new`;
  try {
    const file = await openIn(directory, draft);
    // Whether an earlier program that made the directory lived to sync its name is not known here.
    await Promise.all([writeAndSync(file, contents), syncDirectory(dirname(directory))]);
    await rename(draft, path);
    await syncDirectory(directory);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined);
    throw failed(path, 'written', error);
  }
}

/** Most receipts go to a directory that is there. */
async function openIn(directory: string, draft: string): Promise<FileHandle> {
  const make = (): Promise<FileHandle> => open(draft, 'wx', 0o600);
  try {
    return await make();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return make();
  }
}

async function writeAndSync(file: FileHandle, contents: Uint8Array | string): Promise<void> {
  try {
    await file.writeFile(contents);
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * The files of these paths: a file that is named is given whatever it is called, of a directory all receipts in it and
 * below, in order of their names. Symbolic links in directories are not followed. NS_RECEIPTS where a path is not there.
 */
export async function* receiptFiles(paths: readonly string[], most: number): AsyncGenerator<FoundFile> {
  const budget = { left: MOST_FILES };
  for (const path of paths) {
    const named = await lstat(path).catch((error: unknown) => {
      throw failed(path, 'read', error);
    });
    if (named.isDirectory()) yield* below(path, most, DEEPEST, budget);
    else yield { path, bytes: await readBounded(path, most) };
  }
}

async function* below(
  directory: string,
  most: number,
  depth: number,
  budget: { left: number },
): AsyncGenerator<FoundFile> {
  const entries = await readdir(directory, { withFileTypes: true }).catch((error: unknown) => {
    throw failed(directory, 'read', error);
  });
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(directory, entry.name);
    if (entry.isDirectory() && depth > 0) yield* below(path, most, depth - 1, budget);
    else if (entry.isFile() && entry.name.endsWith(SUFFIX)) {
      budget.left -= 1;
      if (budget.left < 0) throw failed(directory, 'read', new Error(`more than ${MOST_FILES} files`));
      yield { path, bytes: await readBounded(path, most) };
    }
  }
}

async function readBounded(path: string, most: number): Promise<Uint8Array | undefined> {
  try {
    const found = await lstat(path);
    return found.isFile() && found.size <= most ? new Uint8Array(await readFile(path)) : undefined;
  } catch {
    return undefined;
  }
}

async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

/** So that the names in it outlive a power cut too. */
async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const failed = (path: string, what: string, error: unknown): NsError =>
  new NsError('NS_RECEIPTS', `${path} cannot be ${what}: ${sentenceOf(error)}`, { cause: error });
