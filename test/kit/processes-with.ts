import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** The processes that were started with this word among their arguments, of one program where that is said. */
export async function processesWith(word: string, program = ''): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    const pid = Number(name);
    if (!Number.isSafeInteger(pid) || pid === process.pid) continue;
    const line = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
    const words = line.split('\0');
    if (words.includes(word) && words[0]?.endsWith(program)) found.push(pid);
  }
  return found;
}

/** Waits, within bounds, until there are such processes, or none; says which are there then. */
export async function awaitProcessesWith(
  word: string,
  wanted: 'some' | 'none',
  program?: string,
): Promise<number[]> {
  let found = await processesWith(word, program);
  for (let round = 0; round < 400 && found.length > 0 !== (wanted === 'some'); round++) {
    await sleep(25);
    found = await processesWith(word, program);
  }
  return found;
}
