import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NsError } from '../../base/index.ts';
import { type DriveNote, drivePassword, readDriveNotes } from '../../bmc/index.ts';
import type { AgentConfig } from './config.ts';

const SAYS: Readonly<Record<DriveNote['is'], string>> = {
  armed: 'may be on the drive',
  refused: 'was refused by a drive of this serial number',
  opened: 'was taken off again, or found gone',
};

/**
 * The passwords that this device gave to drives, the latest of each drive first: for its owner, who has the state directory or that
 * of the lock's witness in hand, and a drive on another machine. Reads, and changes nothing; a running agent is not disturbed.
 * NS_STATE_IO where there is nothing, or nothing whole.
 */
export async function drivePasswords({
  state,
  lockWitness,
}: Pick<AgentConfig, 'state' | 'lockWitness'>): Promise<string> {
  const found = await readDriveNotes({
    store: documentsIn(state),
    ...(lockWitness === undefined ? {} : { witness: documentsIn(lockWitness) }),
  });
  if (found.is !== 'whole') {
    const where = lockWitness === undefined ? state : `${state} and ${lockWitness}`;
    const what =
      found.is === 'absent' ? 'no record of drive passwords' : 'no whole record of drive passwords';
    throw new NsError('NS_STATE_IO', `there is ${what} in ${where}`, { family: 'caller' });
  }
  const { secret, notes } = found.record;
  if (notes.length === 0) return 'no drive was given a password\n';
  return [...notes]
    .sort((a, b) => (a.serial < b.serial ? -1 : a.serial > b.serial ? 1 : b.n - a.n))
    .map(({ serial, n, is }) => `${serial}  ${drivePassword(secret, serial, n)}  ${SAYS[is]}\n`)
    .join('');
}

/** Documents of a store that may be another process's. */
function documentsIn(directory: string) {
  return {
    readDocument: async (name: string): Promise<Uint8Array | undefined> => {
      try {
        return await readFile(join(directory, name));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw error;
      }
    },
  };
}
