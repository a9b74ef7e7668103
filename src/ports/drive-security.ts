/** A drive's own lock (ATA8-ACS, Security feature set), as IDENTIFY DEVICE words 10-19 and 128 tell of it. */
export interface DriveSecurityState {
  /** As the drive itself says; at most 20 printable characters, and believed no more than anything else that a drive says. */
  readonly serial: string;
  readonly supported: boolean;
  /** A user password is set: the drive locks at its next power-on. */
  readonly enabled: boolean;
  /** Reads and writes are refused until it is unlocked. */
  readonly locked: boolean;
  /** Takes no command of this feature set until its next power-on. */
  readonly frozen: boolean;
  /** Too many wrong passwords: takes none until its next power-on. */
  readonly attemptsExpired: boolean;
  /** The master password can only erase, and opens nothing. */
  readonly maximum: boolean;
}

/** "refused": the drive said no, and nothing has changed but perhaps its count of wrong passwords. */
export type DriveAnswer = 'done' | 'refused';

/**
 * The lock of the drive in one bay. Each call reaches the drive wherever its switch stands while the host is down; a board whose
 * wires need the switch moved for it moves it, and back. Rejects with NS_DRIVE_SECURITY where it is not known what came of a
 * command: read then. Passwords are 32 bytes, and appear in no log, error or command line.
 */
export interface DriveSecurity {
  /** "disk0". */
  readonly disk: string;
  /** Undefined where there is no drive. */
  read(signal: AbortSignal): Promise<DriveSecurityState | undefined>;
  /**
   * What the drive answers to Level 0 Discovery (TCG Storage Architecture Core Specification, 3.3.6): as it came, at most
   * 2048 bytes. Undefined where it has no such answer; the method is absent where the board has no way to ask.
   */
  discover?(signal: AbortSignal): Promise<Uint8Array | undefined>;
  /** The user password, at level maximum. In force from the drive's next power-on. */
  setPassword(password: Uint8Array, signal: AbortSignal): Promise<DriveAnswer>;
  /** Until the next power-on. A wrong password counts: a drive takes five. */
  unlock(password: Uint8Array, signal: AbortSignal): Promise<DriveAnswer>;
  /** Of a drive that is not locked. */
  disablePassword(password: Uint8Array, signal: AbortSignal): Promise<DriveAnswer>;
}
