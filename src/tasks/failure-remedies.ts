/**
 * What to do about a failure, by its code. A refusal brings its own remedy; a failure is met where nobody expected it,
 * and this says at least where to look.
 */
const REMEDIES: Readonly<Record<string, string>> = {
  NS_BLOCK_IO:
    'Look for bad sectors with "nightshift memcheck --medium storage"; the drive may need replacing.',
  NS_FS_CORRUPT: 'Check the filesystem from the host; it contradicts itself.',
  NS_NTFS_CORRUPT: 'Check the filesystem from the host; it contradicts itself.',
  NS_FILE_SHORT: 'Check the filesystem from the host; it contradicts itself.',
  NS_TASK_DEADLINE: 'Give the order again, for less at once if it repeats.',
  NS_TASK_NO_PROGRESS:
    'Look at the link and the disk, then give the order again; a transfer goes on where it was.',
  NS_TRANSFER_STALLED: 'Look at the link, then give the order again; the transfer goes on where it was.',
  NS_TRANSFER_STOPPED: 'Give the order again; the transfer goes on where it was.',
  NS_TASK_UNKNOWN: 'Look at the target itself before giving the order again: it may have been done.',
  NS_TOOL_FAILED: 'Give the order again; if it repeats, check the filesystem from the host.',
  NS_EDIT_NOT_MADE: 'Nothing was written. Check the filesystem from the host, then give the order again.',
  NS_SAMPLE_DIFFERS:
    'Trust neither the file nor the disk: look for bad sectors with "nightshift memcheck --medium storage", and put the file again.',
  NS_SAMPLE_UNREADABLE:
    'Look for bad sectors with "nightshift memcheck --medium storage"; then put the file again.',
  NS_REDO_PENDING: 'Give the order again: an earlier change to this disk is finished first.',
  NS_FLASH:
    'The flash does not keep what is written, and the firmware that runs stays: give the order again; if it repeats, the board needs another flash.',
  NS_MEDIA:
    'The port to the host did not take the image, or did not let go of it: "nightshift media show" says how it stands; then give the order again.',
  NS_STATE_IO: "The device's own storage fails: have a technician look at the device.",
  NS_STATE_FULL: "The device's own storage is full: wait for other tasks to end, or free some of it.",
  NS_JOURNAL_IO: "The device's own storage fails: have a technician look at the device.",
  NS_SWITCH: 'See "nightshift status" for the switch position; a technician may have to look at the board.',
  NS_POWER: "The host's power could not be read or set: a technician may have to look at the board.",
  NS_IO_FAILED: 'See "nightshift io list"; the channel itself does not answer as it should.',
};

const OTHERWISE = "Give the order again; if it fails the same way, look at the device's log.";

export function remedyOf(code: string): string {
  return Object.hasOwn(REMEDIES, code) ? (REMEDIES[code] ?? OTHERWISE) : OTHERWISE;
}
