/**
 * How it stands with a drive's own lock. "cannot": the board has no way to it, or the drive has none. "open": no password is set, and
 * one could be. "armed": ours is set, and locks at the next power-on. "foreign": somebody else's. "spent": too many passwords of
 * ours for drives of its serial number were set and never taken back. "lost": this device's record of passwords is damaged.
 */
export type DriveLockFact =
  | 'cannot'
  | 'unknown'
  | 'empty'
  | 'open'
  | 'frozen'
  | 'spent'
  | 'armed'
  | 'locked'
  | 'foreign'
  | 'lost';

/** In words, for a level of the lock; what begins each is the name of the disk. */
export const DRIVE_SAYS: Readonly<Record<DriveLockFact, string>> = {
  cannot: 'has no lock of its own that this board reaches',
  unknown: 'does not tell how its own lock stands',
  empty: 'has no drive',
  open: 'has no password yet',
  frozen: 'is frozen and takes no password until its next power-on',
  spent: 'gets no further password: too many were set and never taken back',
  armed: 'has our password and locks at its next power-on',
  locked: 'is locked by our password',
  foreign: "has somebody else's password, which is left alone",
  lost: "gets no password, for this device's record of them is damaged",
};
