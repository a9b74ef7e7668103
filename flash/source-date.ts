import { execFileSync } from 'node:child_process';
import { RELEASED } from '../src/programs/version.ts';
import { ROOT } from './systems.ts';

/** Of everything that is packed, seconds since 1970: what SOURCE_DATE_EPOCH says, else the day of the commit, else of the release. */
export function sourceDate(): number {
  const given = process.env.SOURCE_DATE_EPOCH;
  if (given !== undefined) {
    if (!/^[0-9]{1,12}$/.test(given)) throw new Error('SOURCE_DATE_EPOCH is no number of seconds');
    return Number(given);
  }
  try {
    const said = execFileSync('git', ['log', '-1', '--format=%ct'], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return Number(said.trim()) || RELEASED;
  } catch {
    return RELEASED;
  }
}
