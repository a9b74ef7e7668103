/** The library: `import { Fleet } from 'nightshift'`. See docs/library.md. */
export { NsError } from '../../base/index.ts';
export type { ConfigFile, OrderEvent } from '../../fleet/index.ts';
export type { Span } from '../../ports/index.ts';
export type { ArgsOf, ResultOf, Verb } from '../../protocol/index.ts';
export { clean } from '../../show/index.ts';
export type { DraftedOrder, DraftSignature, OrderDraft, SendOptions, SignOptions } from './drafts.ts';
export type { GetOptions, ImageOptions, LocalCopy, PutOptions, ReadControl } from './files.ts';
export type { UpdateOptions } from './firmware.ts';
export {
  type FindOptions,
  Fleet,
  type ListOptions,
  type MemoryOptions,
  type RemoveOptions,
  type StatOptions,
} from './fleet.ts';
export type { Hosts } from './give.ts';
export type {
  OpenOptions,
  OrderControl,
  Passphrase,
  TraceOptions,
  TwoPeople,
  WriteControl,
} from './options.ts';
export {
  describe,
  type Failed,
  type HostOutcome,
  NotAllSucceeded,
  type Refusal,
  type Refused,
  type Staged,
  type Succeeded,
  type Unknown,
  type Unreachable,
} from './outcome.ts';
export type { ReceiptFinding, ReceiptSigner, ReceiptVerification, SignedReceipt } from './receipt.ts';
export type { Progress, Run, RunCounts } from './run.ts';
