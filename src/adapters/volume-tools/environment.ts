import { accessSync, constants } from 'node:fs';

const TOOL_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What every tool sees of us: nothing but this. */
export const CLEAN_ENV: Readonly<Record<string, string>> = {
  PATH: TOOL_PATH,
  LC_ALL: 'C.UTF-8',
  TZ: 'UTC',
  HOME: '/nonexistent',
  DEBUGFS_PAGER: '__none__',
};

export const isRoot = (): boolean => process.getuid?.() === 0;

const found = new Map<string, boolean>();
/** Is there such a program where tools are looked for? Asked once. */
export function hasProgram(name: string): boolean {
  const known = found.get(name);
  if (known !== undefined) return known;
  const here = TOOL_PATH.split(':').some((directory) => {
    try {
      accessSync(`${directory}/${name}`, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  found.set(name, here);
  return here;
}

/** A command line that ends with us even where we are killed, if this system has a way to ask for that. */
export function boundToUs(
  tool: string,
  args: readonly string[],
  signal: 'TERM' | 'KILL',
  flags: readonly string[] = [],
): [string, string[]] {
  if (!hasProgram('setpriv')) return [tool, [...args]];
  return ['setpriv', ['--pdeathsig', signal, ...flags, tool, ...args]];
}
