import { type Refusal, refusal } from '../../base/index.ts';
import type { DriveSecurityState } from '../../ports/index.ts';
import type { OpalState } from './opal-discovery.ts';

/** What a drive says of the locks in it. */
export interface DriveLocksSeen {
  readonly ata?: DriveSecurityState;
  readonly opal?: OpalState;
  /** The password of the ATA lock is one that this device gave the drive. */
  readonly ours: boolean;
}

/**
 * Why nothing on a disk can be looked at, as its drive says: DISK_LOCKED. A locked drive aborts every read; one that shows
 * a shadow in place of its contents does not, so that what is read would be taken for the host's disk.
 */
export function judgeDrive(disk: string, { ata, opal, ours }: DriveLocksSeen): Refusal | undefined {
  if (ata?.locked === true) {
    if (ours) {
      return refusal(
        'DISK_LOCKED',
        `${disk} is locked by the password that this device gave it.`,
        'Enable the machine: the device unlocks the drive then. See "nightshift status".',
      );
    }
    const worn = ata.attemptsExpired ? ', and it takes no password until its next power-on' : '';
    return refusal(
      'DISK_LOCKED',
      `${disk} is locked by a password (ATA security) that is not from this device${worn}.`,
      'Have whoever set the password unlock the drive: in the firmware of its host, or with hdparm --security-unlock.',
    );
  }
  const kind = opal?.kind ?? 'TCG Storage';
  if (opal?.shadowed === true) {
    return refusal(
      'DISK_LOCKED',
      `${disk} shows a shadow in place of its contents, and is locked (${kind}).`,
      'Have the drive unlocked as at every start of its host; a host that is shut down locks it again.',
    );
  }
  if (opal?.locked === true) {
    return refusal(
      'DISK_LOCKED',
      `${disk} is locked (${kind}).`,
      'Have the drive unlocked by its owner, with sedutil or at the start of its host; it locks again without power.',
    );
  }
  return undefined;
}
