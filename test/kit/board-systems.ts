import { execFile } from 'node:child_process';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const SCRIPT = fileURLToPath(new URL('../../scripts/board-systems', import.meta.url));
const run = promisify(execFile);

export type BoardArch = 'armhf' | 'arm64';

/** Where the kernel, device trees, libraries, busybox and Node of an architecture are; fetched where they are not yet. */
export async function boardSystem(arch: BoardArch): Promise<string> {
  await run(SCRIPT, [arch], { timeout: 300_000 });
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  return join(cache, 'nightshift-test', 'board-systems', arch);
}
