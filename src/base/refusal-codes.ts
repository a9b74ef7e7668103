/**
 * Every refusal code, with its general sentence and remedy. Codes never change meaning; a new case gets a new code.
 * Grouped by who decides.
 */
export const REFUSALS = {
  // Intake: is this an order at all, for us, from someone, now?
  PACKET_TOO_LARGE: {
    sentence: 'The packet is larger than this topic allows.',
    remedy: 'Send a smaller order; file contents travel as blocks, never inside an order.',
  },
  CBOR_INVALID: {
    sentence: 'The packet is not CBOR in the form this protocol accepts.',
    remedy: 'Use a current nightshift command; the detail names the first defect.',
  },
  ENVELOPE_INVALID: {
    sentence: 'The packet is not a signed order.',
    remedy: 'Sign the order as COSE_Sign1 with an enrolled key.',
  },
  SIGNATURE_INVALID: {
    sentence: 'The signature does not match the order.',
    remedy: 'Sign again with the right key; if that fails too, the packet is altered on its way.',
  },
  KEY_UNKNOWN: {
    sentence: 'No enrolled key has this key id.',
    remedy: "Add the operator's public key to the device's keyring.",
  },
  MESSAGE_INVALID: {
    sentence: 'The order does not have the shape its verb asks for.',
    remedy: 'Correct the field named in the detail.',
  },
  VERSION_UNKNOWN: {
    sentence: 'The order is written in a protocol version that this device does not speak.',
    remedy: 'Update the device, or use a nightshift command of its version.',
  },
  VERB_UNKNOWN: {
    sentence: 'This device knows no such verb.',
    remedy: 'Update the device, or check the spelling of the verb.',
  },
  WRONG_AUDIENCE: {
    sentence: 'The order is addressed to another device.',
    remedy: 'Send it to the device or group named in its audience.',
  },
  RETAINED: {
    sentence: 'Retained orders are never obeyed.',
    remedy: 'Publish the order without the retain flag, and clear the retained message from the broker.',
  },
  EXPIRED: {
    sentence: 'The time in which this order was valid has passed.',
    remedy: "Give the order again; with --fresh where the device's clock may be wrong.",
  },
  NOT_YET_VALID: {
    sentence: 'The order becomes valid later.',
    remedy: "Give it again after its not-before time, or check the device's clock.",
  },
  TIME_IMPLAUSIBLE: {
    sentence: 'No device of this version can be in use at that time.',
    remedy: 'Set the clock of the machine that gives the order, and give it again.',
  },
  REPLAYED: {
    sentence: "The order's counter was used before or is too old.",
    remedy: 'Give the order again; each order needs a new counter.',
  },
  ID_CONFLICT: {
    sentence: 'An order with the same id but other contents was received before.',
    remedy: 'Give the order again with a new id; if you did not send two, look at the audit log.',
  },
  NOT_PERMITTED: {
    sentence: 'The role of this key may not give this order.',
    remedy: 'Ask someone whose role allows it.',
  },
  NEEDS_TWO_PEOPLE: {
    sentence: 'This order is obeyed only when two people have signed it.',
    remedy: 'Have a second person sign it: "nightshift sign", "nightshift cosign", "nightshift send".',
  },
  NEEDS_TOKEN: {
    sentence: "A destructive order is obeyed only with a token out of the fleet's budget.",
    remedy: 'Ask whoever holds the budget for a token for this device: "nightshift token".',
  },
  TOKEN_INVALID: {
    sentence: "The token of this order is not one of the fleet's budget.",
    remedy: 'Ask whoever holds the budget for another; the detail names the first fault.',
  },
  TOKEN_SPENT: {
    sentence: 'The token of this order was used by another order.',
    remedy: 'Ask whoever holds the budget for another.',
  },
  BUDGET_SPENT: {
    sentence: "The fleet's budget for such orders is used up.",
    remedy: 'Wait for the next epoch, or have the budget raised by two people, which takes its time.',
  },
  BUDGET_FORKED: {
    sentence: 'Two tokens of one number were seen: somebody signs more than the budget.',
    remedy: 'Find out who has the key of the governor; then revoke it by a new keyring.',
  },
  BUDGET_OLDER: {
    sentence: 'The device has a newer budget.',
    remedy: 'Look at it with "nightshift budget", and give a change with a higher version.',
  },
  DELEGATION_INVALID: {
    sentence: 'The right to give this order was not passed on in a way that devices accept.',
    remedy:
      'Ask whoever passed it on for another grant ("nightshift grant"), or a person of the keyring for the order.',
  },
  OUT_OF_SCOPE: {
    sentence: 'The grant of this key does not cover this order.',
    remedy: 'Ask someone whose grant covers it, or have the keyring changed.',
  },
  KEY_EXPIRED: {
    sentence: 'The grant of this key has ended.',
    remedy: 'Have the keyring renewed, or ask someone else.',
  },
  KEYRING_INVALID: {
    sentence: 'This is not a keyring document in the form that devices accept.',
    remedy: 'Make it with "nightshift keyring"; the detail names the first fault.',
  },
  KEYRING_NO_ROOTS: {
    sentence: 'This device was given no root keys, so it accepts no keyring document.',
    remedy: 'Set keyringRoots in the configuration of the agent, at the device.',
  },
  KEYRING_UNSIGNED: {
    sentence: 'Too few people with root keys have signed the keyring.',
    remedy: 'Have it signed by as many people as the detail names: "nightshift keyring sign".',
  },
  KEYRING_OLDER: {
    sentence: 'The device has a newer keyring.',
    remedy: 'Make the change to the newest keyring, and publish that.',
  },
  KEYRING_FORKED: {
    sentence: 'The device has another keyring under the same version.',
    remedy: 'Find out who signed two; then publish one with a higher version.',
  },
  QUEUE_FULL: {
    sentence: 'The device has as many orders waiting as it can keep.',
    remedy: 'Wait for running tasks to end, or cancel some.',
  },
  JOURNAL_FULL: {
    sentence: "The device's journal has no room for another order.",
    remedy: 'Wait for running tasks to end.',
  },
  DISABLED: {
    sentence: 'The machine is disabled.',
    remedy: 'Enable it first.',
  },
  NOT_SUPPORTED: {
    sentence: 'This board cannot do that.',
    remedy: 'See the board page for what it supports.',
  },
  // Firmware
  FIRMWARE_INVALID: {
    sentence: 'This is not a firmware image that this device can take.',
    remedy: 'Pack it anew with npm run flash, for this board, and check that it arrived whole.',
  },
  FIRMWARE_NOT_FOR_BOARD: {
    sentence: 'The firmware is for another board.',
    remedy: 'Send the image that was packed for this board.',
  },
  FIRMWARE_TOO_OLD: {
    sentence: 'The rollback index of the firmware is lower than this device accepts.',
    remedy: 'Send a newer firmware: what this one had open is closed in what runs.',
  },
  FIRMWARE_TOO_LARGE: {
    sentence: 'A part of the firmware does not fit into its partition.',
    remedy: 'Pack it for this board: its size budget is checked there.',
  },
  FIRMWARE_ON_TRIAL: {
    sentence: 'The firmware that runs has not proven itself yet.',
    remedy: 'Wait until it is confirmed or rolled back; "nightshift firmware" says how it stands.',
  },
  FIRMWARE_TEST_KEY: {
    sentence: 'The firmware is signed by a key that anybody has, and this device runs a release.',
    remedy: 'Pack it with the key of your releases: npm run flash -- --key FILE --release.',
  },
  FIRMWARE_BUSY: {
    sentence: 'Another update is under way.',
    remedy: 'Wait until the device has started anew; "nightshift firmware" says what became of it.',
  },
  FIRMWARE_ABSENT: {
    sentence: 'This agent is no firmware: it is updated as the package that it was installed from.',
    remedy:
      'Install the new package on that machine: apt install ./nightshift_VERSION_ARCH.deb, or install.sh of the archive.',
  },
  // Power and custody
  HOST_AWAKE: {
    sentence: 'The host is on (S0), so its disk belongs to it.',
    remedy: 'Shut the host down, then give the order again.',
  },
  HOST_NOT_ON: {
    sentence: 'The host is not on, so there is nothing to do that to.',
    remedy: 'Switch the host on first.',
  },
  HOST_STATE_UNKNOWN: {
    sentence: "The host's power state is not known for certain.",
    remedy: 'Check the power sensors with "nightshift status"; nothing is touched until they agree.',
  },
  HOST_SUSPENDED: {
    sentence: 'The host is suspended (S3) and its memory holds parts of the filesystem.',
    remedy: 'Shut the host down; to read all the same, allow stale data with --stale-ok.',
  },
  HOST_HIBERNATED: {
    sentence:
      'The host is hibernated (S4), and its image on disk counts on the filesystems staying as they are.',
    remedy: 'Wake the host and shut it down fully; to read all the same, allow stale data with --stale-ok.',
  },
  HOST_WAKING: {
    sentence: 'The host wants to wake, so its disk was given back.',
    remedy: 'Give the order again when the host is down.',
  },
  CUSTODY_UNAVAILABLE: {
    sentence: 'The drive switch did not hand the disk over.',
    remedy: 'See "nightshift status" for the switch position; a technician may have to look at the board.',
  },
  CUSTODY_EXPIRED: {
    sentence: 'The task held the disk for longer than it may.',
    remedy: 'Give the order again in smaller parts; if it repeats, the disk or the link is too slow.',
  },
  DISK_BUSY: {
    sentence: 'Another task holds this disk.',
    remedy: 'Wait for it to end, or cancel it.',
  },
  // Volumes
  NO_SUCH_DISK: { sentence: 'There is no such disk.', remedy: 'See "nightshift status" for the disks.' },
  NO_SUCH_VOLUME: { sentence: 'There is no such volume.', remedy: 'Use one of the volumes in the detail.' },
  VOLUME_AMBIGUOUS: {
    sentence: 'More than one volume fits.',
    remedy: 'Name one, as in disk0p2:/path.',
  },
  VOLUME_UNSUPPORTED: {
    sentence: 'The volume holds something this version does not read.',
    remedy: 'Use another volume.',
  },
  VOLUME_ENCRYPTED: {
    sentence: 'The volume is encrypted, and Nightshift holds no key to it.',
    remedy: 'Use a volume that is not encrypted.',
  },
  VOLUME_HIBERNATED: {
    sentence: 'The disk holds a hibernated system.',
    remedy: 'Wake the host and shut it down fully (without fast start-up).',
  },
  VOLUME_DIRTY: {
    sentence: 'The filesystem was not unmounted and its journal holds changes.',
    remedy: 'Boot the host and shut it down cleanly.',
  },
  VOLUME_DAMAGED: {
    sentence: 'The filesystem is marked or found damaged.',
    remedy: 'Check the filesystem from the host before writing to it.',
  },
  VOLUME_READ_ONLY: {
    sentence: 'This volume may be read but not written.',
    remedy: 'See the reasons in the detail.',
  },
  PARTITIONS_OVERLAP: {
    sentence: 'The partition overlaps another one, and a write to it could destroy what is there.',
    remedy: 'Repair the partition table from the host; until then the volume can be read, and not written.',
  },
  DISK_LOCKED: {
    sentence: 'The drive is locked by a password of its own.',
    remedy: 'Have whoever holds the password unlock the drive, from the host or its firmware.',
  },
  DISK_UNREADABLE: {
    sentence: 'Sectors that are needed to know what is there cannot be read.',
    remedy: 'Look for bad sectors with "nightshift memcheck --medium storage"; the drive may need replacing.',
  },
  NO_SPACE: { sentence: 'The volume has no room for this.', remedy: 'Delete something first.' },
  CHANGE_PENDING: {
    sentence:
      'An earlier change to this disk was cut off and could not be finished, since the disk has changed.',
    remedy: 'Have someone look at the disk; until then it can be read, and not written.',
  },
  EFFECT_TOO_LARGE: {
    sentence: 'The change is larger than this device can make in one step.',
    remedy: 'Split it into smaller orders.',
  },
  EFFECT_DIFFERS: {
    sentence: 'The change would not be the one that was approved.',
    remedy: 'Look at the new effect with --dry-run and approve it.',
  },
  WRITE_TOOLS_MISSING: {
    sentence: 'The programs that write this filesystem are not usable on this device.',
    remedy: 'Install what docs/dependencies.md names for devices, and make /dev/fuse available.',
  },
  TOOLS_UNCONFINED: {
    sentence: 'The programs that work on filesystems cannot be confined here as the configuration demands.',
    remedy:
      'Provide what `nightshift status` names as missing, bubblewrap first, or set toolConfinement to best.',
  },
  CHECK_FAILED: {
    sentence: "The filesystem's own checker found a fault in the changed volume, so nothing was written.",
    remedy: 'Check the filesystem from the host before writing to it.',
  },
  // Paths
  PATH_INVALID: { sentence: 'The path is not acceptable.', remedy: 'Use an absolute path with plain names.' },
  NO_SUCH_FILE: { sentence: 'There is no such file.', remedy: 'Look with "nightshift ls".' },
  NOT_A_FILE: { sentence: 'This is not a regular file.', remedy: 'Name a regular file.' },
  FILE_UNSUPPORTED: {
    sentence: 'The filesystem keeps this file in a way that this version does not read.',
    remedy: 'Use another file, or read it from the host.',
  },
  LINKS_UNSUPPORTED: {
    sentence: 'Links of this kind cannot be made on this filesystem.',
    remedy: 'Leave the link out, or put the file under both names.',
  },
  NOT_A_DIRECTORY: { sentence: 'This is not a directory.', remedy: 'Name a directory.' },
  IS_A_DIRECTORY: { sentence: 'This is a directory.', remedy: 'Say -r to mean it and all in it.' },
  DIRECTORY_NOT_EMPTY: {
    sentence: 'The directory is not empty.',
    remedy: 'Say -r to mean it and all in it.',
  },
  FILE_EXISTS: { sentence: 'The file exists.', remedy: 'Say --replace to replace it.' },
  SYMLINK_LOOP: { sentence: 'Too many symbolic links.', remedy: 'Name the target itself.' },
  IS_A_SYMLINK: { sentence: 'This is a symbolic link.', remedy: 'Name the file that it points to.' },
  NAME_UNSUPPORTED: {
    sentence: 'This name cannot be written.',
    remedy: 'Use a name of 1 to 255 bytes of UTF-8 without control characters.',
  },
  XATTRS_UNSUPPORTED: {
    sentence: 'This filesystem keeps no extended attributes and no ACLs.',
    remedy: 'Leave them out, or say --lossy to have the file without them.',
  },
  XATTRS_TOO_LARGE: {
    sentence: 'The extended attributes do not fit.',
    remedy: 'Leave some out, or say --lossy to have the file without those that do not fit.',
  },
  XATTR_INVALID: {
    sentence: 'The host would not take this extended attribute.',
    remedy: 'Correct it, or leave it out.',
  },
  TIME_UNSUPPORTED: {
    sentence: 'The filesystem cannot keep this time.',
    remedy: 'Give the file another time with --mtime.',
  },
  PATH_PROTECTED: {
    sentence: 'The path is protected on this device.',
    remedy: 'Ask whoever keeps the protected-path list of this board.',
  },
  FILE_CHANGED: {
    sentence: 'The file is not the one that the transfer began with.',
    remedy: 'Start the transfer again.',
  },
  TOO_MANY_FILES: {
    sentence: 'The order names more files than one order may.',
    remedy: 'Name a smaller part of the tree.',
  },
  // Transfers
  ARCHIVE_INVALID: {
    sentence: 'The archive of the tree is not one that can be put.',
    remedy: 'Make it with "nightshift put -r", or with tar --format=pax; the detail names the first fault.',
  },
  FILE_TOO_LARGE: {
    sentence: 'The file is larger than this device accepts.',
    remedy: 'Send a smaller file.',
  },
  TRANSFER_CORRUPT: {
    sentence: 'The bytes that arrived are not the file that was announced.',
    remedy: 'Start the transfer again; if it happens twice, someone alters blocks on their way.',
  },
  STAGING_FULL: {
    sentence: "The device's own storage has no room to stage the file.",
    remedy: 'Wait for other transfers to end, or send a smaller file.',
  },
  // Staged orders
  STAGED_FULL: {
    sentence: 'This device keeps no more staged orders.',
    remedy: 'See "nightshift staged"; wait for some to end, or cancel some.',
  },
  STAGED_BEHIND: {
    sentence: 'Another staged order for the same volume was accepted before this one.',
    remedy: 'Wait for it, or cancel it: "nightshift staged", "nightshift cancel".',
  },
  STAGED_ENDED: {
    sentence: 'The time for which the order was staged is over, and it was never safe to obey it.',
    remedy: 'Shut the host down fully, then give the order again.',
  },
  STAGED_LOST: {
    sentence: 'What own storage kept of the staged orders is damaged, so none of them is obeyed.',
    remedy: 'Give the order again; if it repeats, have the storage of the device looked at.',
  },
  VOLUME_REPLACED: {
    sentence: 'The volume is not the one that the order was staged for.',
    remedy: 'Look with "nightshift volumes" which disk is in the host, and give the order again.',
  },
  FILES_NEED_NETWORK: {
    sentence: 'The device has no network of its own now; along the chain only orders and receipts go.',
    remedy: 'Give the order again when "nightshift status" shows no such limit any more.',
  },
  // Chain
  ARRAY_REFUSED: {
    sentence: 'The array is not in a state in which that can be done.',
    remedy: 'See "nightshift chain" for the state of the array and of each member.',
  },
  NO_CHAIN: {
    sentence: 'This board has no SATA chain.',
    remedy: 'See "nightshift status" for its disks; only a disk made of chained drives has a chain.',
  },
  CHAIN_WHOLE: {
    sentence: 'Nothing in the chain waits to be accepted.',
    remedy: 'See "nightshift chain" for how it stands.',
  },
  CHAIN_DIFFERS: {
    sentence: 'The chain is no longer as it was when it was looked at.',
    remedy: 'Look again with "nightshift chain", and accept what it shows now.',
  },
  CHAIN_BUSY: {
    sentence: 'The chain is at work and cannot do this now.',
    remedy: 'Wait for running tasks to end, then give the order again.',
  },
  // Release without a network
  CHALLENGE_MISREAD: {
    sentence: 'The challenge was not read as it is shown.',
    remedy: 'Read all nine words again, in their order, with the name of the device; or use the QR code.',
  },
  // Memory and I/O
  MEMORY_UNREACHABLE: {
    sentence: 'This board cannot reach the memory in this power state.',
    remedy: 'See the detail for what can be reached, and when.',
  },
  NOT_ENROLLED: {
    sentence: 'This board enrols no such channel.',
    remedy: 'See "nightshift io list".',
  },
  CHANNEL_READ_ONLY: { sentence: 'The channel cannot be written.', remedy: 'Choose an output channel.' },
  CHANNEL_WRITE_ONLY: { sentence: 'The channel cannot be read.', remedy: 'Choose an input channel.' },
  VALUE_OUT_OF_RANGE: {
    sentence: 'The value is outside the limits of this channel.',
    remedy: 'Use a value within the limits in the detail.',
  },
  // Tasks
  NO_SUCH_TASK: { sentence: 'There is no such task.', remedy: 'See "nightshift tasks".' },
  CANCELLED: {
    sentence: 'The task was cancelled; what it had not finished was not done.',
    remedy: 'Give the order again to do it after all.',
  },
} as const satisfies Record<string, { readonly sentence: string; readonly remedy: string }>;

export type RefusalCode = keyof typeof REFUSALS;
