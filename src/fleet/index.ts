export type { LocalSink, LocalSource, PartFile } from '../ports/index.ts';
export { findAll, listAll, type PageOptions } from './all-pages.ts';
export { checkComplete, checkFirst, checkSigners, cosignDrafts } from './approve-drafts.ts';
export { LARGEST_ARMOURED } from './armour.ts';
export { boundFor } from './ask-nonce.ts';
export type { ArgumentModel, CommandModel, OptionModel } from './command-model.ts';
export { type Completion, complete, type KnownNames } from './complete.ts';
export { COMPLETION_SCRIPTS, SHELLS, type Shell } from './completion-scripts.ts';
export { type ConfigFile, configInvalid, type OperatorConfig, parseConfig } from './config.ts';
export { readIdentities } from './device-identities.ts';
export {
  decodeEvidence,
  encodeEvidence,
  type KeepReceipt,
  type KeptReceipt,
  LARGEST_EVIDENCE,
} from './evidence.ts';
export { EXIT, type ExitCode, exitOfAll, exitOfOutcome } from './exit-code.ts';
export {
  bothSizes,
  checkNeedle,
  parseKind,
  parseMoment,
  parseNeedle,
  parseSize,
} from './find-args.ts';
export { Fleet, type FleetOptions } from './fleet.ts';
export { FleetView, type FleetViewOptions, type HostView, type SeenEvent } from './fleet-view.ts';
export { foldAnswers, type HostText } from './fold-answers.ts';
export { foldHosts, groupEqual } from './fold-hosts.ts';
export { forEachHost, HOSTS_AT_ONCE } from './for-each-host.ts';
export type { GetOutcome, TransferOptions } from './get-file.ts';
export {
  decodeGrantFile,
  encodeGrantFile,
  type GrantFile,
  LARGEST_GRANT_FILE,
  linksIn,
} from './grant-file.ts';
export { chooseHosts, type HostChoice } from './host-list.ts';
export { type Inventory, resolveHosts } from './host-names.ts';
export { expandHosts, MAX_HOSTS_TEXT } from './host-range.ts';
export {
  type IpmiConfig,
  type IpmiHost,
  type IpmiLevel,
  type IpmiLogin,
  type IpmiSuite,
  NO_IPMI,
} from './ipmi-config.ts';
export { IPMI_PORT, type IpmiTarget, resolveIpmiHosts } from './ipmi-hosts.ts';
export {
  faultOfJsonLine,
  fieldsOf,
  JSON_LINES,
  JSON_VERSION,
  type JsonLineName,
  shapeOf,
} from './json-lines.ts';
export {
  draftBytes,
  type KeyringFile,
  newKeyring,
  readKeyringFile,
  withKey,
  withoutKey,
  withRole,
  withRoot,
  withThreshold,
} from './keyring-edit.ts';
export { knownKeys } from './known-keys.ts';
export { manPage } from './man-page.ts';
export {
  parseBytes,
  parseChannelValue,
  parseCount,
  parseMode,
  parseOwner,
  parseSpan,
  parseTime,
  parseWait,
} from './order-args.ts';
export {
  decodeOrderFile,
  encodeOrderFile,
  LARGEST_ORDER_FILE,
  type OrderFile,
  readOrderFile,
} from './order-file.ts';
export type { OrderEvent, OrderRun } from './order-run.ts';
export { DEFAULT_TIMING, type OrderOptions, type OrderTiming, timingOf } from './order-timing.ts';
export {
  type OrderTrace,
  type OrderTracer,
  orderTracer,
  parseTraceparent,
  type TracerParts,
} from './order-trace.ts';
export { wordsOf } from './order-words.ts';
export type { OrderOutcome } from './outcome.ts';
export { baseName, type Place, parsePlace } from './place.ts';
export { type HostProgress, progressLine, RateMeter } from './progress-line.ts';
export { type PutArgs, type PutOutcome, sendWindowFor } from './put-file.ts';
export { answerRequest, type ReadOut, type ReleaseRequest, readRequest } from './release-answer.ts';
export { RunTally, type TallyEnd } from './run-tally.ts';
export { showBudgetLeft } from './show-budget-left.ts';
export { peopleOf, showDrafts, showUnsigned } from './show-draft.ts';
export { showGrant } from './show-grant.ts';
export { eventJson, jsonLine, outcomeJson } from './show-json.ts';
export { grantText, keyringChanges, showKeyring } from './show-keyring.ts';
export { powerTrace, showOutcome } from './show-outcome.ts';
export { showLedger, showTokens } from './show-tokens.ts';
export {
  auditLines,
  deviceJson,
  deviceLines,
  fileJson,
  fileLines,
  isClean,
  sumJson,
  sumLine,
} from './show-verification.ts';
export { type DraftWish, signDrafts } from './sign-drafts.ts';
export { isSignedKeyring, parseRoots, signedKeys } from './signed-keyring.ts';
export { type StageOptions, stageArgs, stagedTotal } from './stage-args.ts';
export {
  decodeStagedOrder,
  encodeStagedOrder,
  LARGEST_STAGED_ORDER,
  type StagedOrder,
} from './staged-order.ts';
export { encodeTokenFile, readTokenFile, type TokenFile } from './token-file.ts';
export {
  currentEpoch,
  firstEpoch,
  type Limits,
  ledgerText,
  leftOf,
  newLedger,
  nextEpoch,
  parseLimits,
  readLedger,
  type TokenLedger,
  takeTokens,
  withLimits,
} from './token-ledger.ts';
export { Turnstile } from './turnstile.ts';
export { type DeviceReport, Verification, type VerificationReport } from './verification.ts';
export { checkContents, type FileInHand, isAboutFile } from './verify-contents.ts';
export type { CheckedFile, KnownKeys } from './verify-receipt.ts';
export { fitScreen, Watched } from './watch-changes.ts';
export { type OrderCounter, type OrderWriter, writeOrder } from './write-order.ts';
