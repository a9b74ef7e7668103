export { type AuditEntry, type AuditHead, appendEntry, GENESIS, verifyChain } from './audit-chain.ts';
export { auditDetail } from './audit-detail.ts';
export { AuditLog, type AuditLogOptions, type AuditPage } from './audit-log.ts';
export { authorise, authoriseAll, checkAudience, type Door, needsTwoPeople } from './authority.ts';
export {
  type BrokerSection,
  brokerSection,
  brokerUrl,
  insecureIn,
  isOpenLink,
  pinsOf,
} from './broker-link.ts';
export {
  BUDGET_DOCUMENTS,
  Budget,
  type BudgetEvent,
  type BudgetOptions,
} from './budget/budget.ts';
export type { LimitsChange } from './budget/budget-limits.ts';
export type { BudgetLimits } from './budget/budget-rules.ts';
export type { BudgetStatus } from './budget/budget-status.ts';
export type { BudgetSigner } from './budget/judge-order.ts';
export {
  DESTRUCTIONS,
  type Destruction,
  destructionByName,
  destructionOf,
  isSystemPath,
  privilegesIn,
  privilegesOf,
  SET_IDS,
  SYSTEM_PATHS,
} from './destruction.ts';
export { type EventRules, openEvent, signEvent } from './event-envelope.ts';
export { FIRMWARE_MANIFEST_MOST, openFirmware, readFirmware, signFirmware } from './firmware-envelope.ts';
export { type ClockReading, counterWindow, Freshness, type FreshnessOptions } from './freshness.ts';
export { type Grant, grantHash, LONGEST_GRANT, readGrant, signGrant } from './grant.ts';
export { giverOf, holderByGrants, linksOf } from './grant-chain.ts';
export { keyAgreementOf } from './key-agreement.ts';
export {
  type Enrolled,
  foldPerson,
  Keyring,
  type KeyringEntry,
  type KeyringView,
  ROLES,
  type Role,
} from './keyring.ts';
export { judgeKeyring, type KeyringChange, type KeyringStanding, missingPeople } from './keyring-change.ts';
export {
  checkRoots,
  encodeKeyring,
  type GrantedKey,
  type KeyringDocument,
  keyringHash,
  keyringOf,
  type RootSet,
  readKeyring,
  rootSet,
} from './keyring-document.ts';
export {
  KEYRING_DOCUMENTS,
  KeyringHolder,
  type KeyringHolderOptions,
  type KeyringInForce,
} from './keyring-holder.ts';
export {
  cosignKeyring,
  openKeyring,
  type SignedKeyring,
  signersOf,
  signKeyring,
} from './keyring-signatures.ts';
export { type Draft, type DraftSignature, readDraft } from './order-draft.ts';
export { type OpenedOrder, type OrderRules, type OrderVerdict, openOrder } from './order-envelope.ts';
export { isLasting, shapeOrder } from './order-shape.ts';
export { cosignOrder, draftOrder, signOrder } from './order-signing.ts';
export {
  keyIdOfSpki,
  publicKeyFromSpki,
  publicKeyFromText,
  publicKeyText,
  verifyingKey,
} from './public-key.ts';
export {
  challengeHash,
  checked as checkedChallenge,
  lockVersionIn,
  type ReleaseSubject,
  readChallengeWords,
  splitChallengeText,
} from './release/challenge.ts';
export { readCode, releaseCode, writeCode } from './release/code.ts';
export {
  RELEASE_DOCUMENT,
  type ReleasableLock,
  type ReleaseAnswer,
  ReleaseDesk,
  type ReleaseDeskOptions,
  type ShownChallenge,
} from './release/release-desk.ts';
export { mayWithin, type Scope, type ScopeFacts, scope } from './scope.ts';
export { keyStoreOf } from './signing-key.ts';
export { type StandingFacts, signersBehind, stillStands, withinGrants } from './standing.ts';
export {
  LARGEST_PASS,
  MOST_PASS_MINUTES,
  type PassSubject,
  type PassTerms,
  signPass,
  unpackPass,
} from './technician/console-pass.ts';
export {
  type LoginAnswer,
  LoginDesk,
  type LoginDeskOptions,
  type TechnicianSession,
} from './technician/login-desk.ts';
export { PASSES_DOCUMENT, PassDesk } from './technician/pass-desk.ts';
export { PassRows, passLine, writePassRows } from './technician/pass-rows.ts';
export {
  addTechnician,
  LONGEST_PASSWORD,
  readTechnicians,
  removeTechnician,
  SHORTEST_PASSWORD,
} from './technician/technician-book.ts';
export {
  LARGEST_TOKEN,
  MAX_PER_EPOCH,
  openToken,
  signToken,
  type Token,
  type TokenBody,
} from './token.ts';
export { readToken, type TokenDraft } from './token-draft.ts';
