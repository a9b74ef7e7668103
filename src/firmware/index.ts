export { BootBook } from './boot-book.ts';
export {
  BOOT_RECORD_BYTES,
  type BootRecord,
  newestBootRecord,
  otherSlot,
  readBootRecord,
  SLOTS,
  type Slot,
  type SlotFirmware,
  type SlotState,
  writeBootRecord,
} from './boot-record.ts';
export { FIRMWARE_HEAD, firmwareHead, manifestLength, type PlacedPart, placeParts } from './container.ts';
export { type FirmwareDescription, firmwareDescription } from './description.ts';
export { hashOfRange, rewrite, withinRange } from './flash-range.ts';
export { type FirmwareRules, judgeFirmware, slotParts } from './judge-firmware.ts';
export { isKnownTestKey, KNOWN_TEST_KEYS } from './known-test-keys.ts';
export {
  BLANK_RECORD,
  type BootChoice,
  beginTrial,
  beginWriting,
  chooseSlot,
  confirm,
  rollBack,
  slotToWrite,
  TRIES,
} from './slot-rules.ts';
export { type Migration, type StateFormat, settleStateFormat } from './state-format.ts';
export { runTrial, type SelfCheck, type TrialEnd } from './trial.ts';
export {
  becameOf,
  NEVER_PROVEN,
  NOT_WHOLE_LATER,
  readUpdateNote,
  type UpdateNote,
  writeUpdateNote,
} from './update-note.ts';
