import { allow, type Duration, hours, minutes, toHex, type Verdict } from '../../base/index.ts';
import type { StateStore, Stop } from '../../ports/index.ts';
import type { Order } from '../../protocol/index.ts';
import type { KeyringView } from '../keyring.ts';
import { openToken, type Token } from '../token.ts';
import { afterWaiting, judgeLimits, type LimitsChange, type LimitsState } from './budget-limits.ts';
import {
  type BudgetRecord,
  decodeBudgetCopy,
  encodeBudgetRecord,
  judgeBudgetCopies,
} from './budget-record.ts';
import {
  type BudgetLimits,
  type Fork,
  findFork,
  hearToken,
  marksKept,
  type SeenToken,
  type SpentMark,
} from './budget-rules.ts';
import { type BudgetStatus, budgetStatus } from './budget-status.ts';
import { type BudgetSigner, governorsIn, judgeOrder, orderHash, seenOf } from './judge-order.ts';
import { PlainAllowance } from './plain-allowance.ts';

/** Names of the two copies in the state store. */
export const BUDGET_DOCUMENTS = ['budget-a', 'budget-b'] as const;

const LISTENERS_MAX = 8;
/** Running time is stored at least so often, while anything waits for it. */
const STORED_EVERY = hours(1);
/** And sooner at first, so that of a run which the power ends at least half counts: some devices never run for an hour. */
const STORED_FIRST = minutes(1);

export interface BudgetOptions {
  readonly store: StateStore;
  readonly tenant: string;
  readonly device: string;
  readonly keyring: KeyringView;
  /** Until the first change by an order. */
  readonly initial: BudgetLimits;
  /** How long a raise waits, in running time of this device. */
  readonly raiseDelay: Duration;
  /** Files that one key may remove or replace without a token in a day of running time. */
  readonly plain: number;
  /** Told of what is worth writing down. Does not throw. */
  readonly onEvent?: (event: BudgetEvent) => void;
}

export type BudgetEvent =
  | { readonly is: 'damaged' }
  | { readonly is: 'spent'; readonly order: string; readonly token: Pick<Token, 'epoch' | 'for' | 'n'> }
  | { readonly is: 'forked'; readonly fork: Fork }
  | { readonly is: 'pending'; readonly version: number; readonly limits: BudgetLimits }
  | { readonly is: 'changed'; readonly version: number; readonly limits: BudgetLimits };

const NOTHING: BudgetLimits = { lock: 0, wipe: 0 };

/**
 * What this device knows of the fleet's budget for destructive orders. A token counts as spent, on stable storage and
 * in two copies, before its order is taken.
 */
export class Budget {
  readonly #o: BudgetOptions;
  readonly #plain: PlainAllowance;
  readonly #listeners = new Set<(packet: Uint8Array) => void>();
  /** Absent: as configured. */
  #limits: LimitsState | undefined;
  #seen: readonly SeenToken[];
  #spent: readonly SpentMark[];
  #seq: number;
  /** Running time since the start, and of that what is not stored. */
  #ran = 0;
  #unstored = 0;
  #last: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  private constructor(options: BudgetOptions, record: BudgetRecord) {
    this.#o = options;
    this.#seq = record.seq;
    this.#limits = record.limits;
    this.#spent = record.spent;
    this.#plain = new PlainAllowance(options.plain, record.plain);
    this.#seen = record.seen.flatMap((packet) => {
      const opened = openToken(packet, options.keyring.current, options.tenant);
      return opened.ok ? [seenOf(opened.value)] : [];
    });
  }

  /** Reads what is stored and mends its copies. Storage errors as the store gives them. */
  static async open(options: BudgetOptions): Promise<Budget> {
    const [a, b] = await Promise.all(
      BUDGET_DOCUMENTS.map(async (name) => decodeBudgetCopy(await options.store.readDocument(name))),
    );
    const stored = judgeBudgetCopies(a!, b!);
    const fresh: BudgetRecord = { seq: 0, seen: [], spent: [], plain: { elapsedMs: 0, used: {} } };
    if (stored.is === 'none') return new Budget(options, fresh);
    if (stored.is === 'record') {
      const budget = new Budget(options, stored.record);
      if (stored.rewrite) await budget.#save();
      return budget;
    }
    // What was spent is not known any more. A new budget is a raise, and waits as one.
    const budget = new Budget(options, { ...fresh, limits: { version: 0, inForce: NOTHING } });
    options.onEvent?.({ is: 'damaged' });
    await budget.#save();
    return budget;
  }

  get #limitsNow(): LimitsState {
    return this.#limits ?? { version: 0, inForce: this.#o.initial };
  }

  /** Of governors that are enrolled now. */
  get #counted(): readonly SeenToken[] {
    const governors = new Set(governorsIn(this.#o.keyring.current).map(({ keyId }) => toHex(keyId)));
    return this.#seen.filter(({ governor }) => governors.has(governor));
  }

  /**
   * Whether the order may be obeyed as far as the budget has a say, and the token that it must spend for that. Changes
   * nothing: nothing else may be awaited between this and `spend`. NEEDS_TOKEN, WRONG_AUDIENCE, TOKEN_INVALID,
   * TOKEN_SPENT, BUDGET_SPENT, BUDGET_FORKED.
   */
  judge(order: Order, signers: readonly BudgetSigner[]): Verdict<Token | undefined> {
    const { device, tenant, keyring } = this.#o;
    const known = { device, tenant, keyring: keyring.current };
    const used = { limits: this.#limitsNow.inForce, seen: this.#counted, spent: this.#spent };
    return judgeOrder(order, signers, { ...known, ...used });
  }

  /** Counts at once, and is on stable storage when the promise resolves. The same order again changes nothing. */
  async spend(order: Order, token: Token): Promise<void> {
    const { epoch, for: kind, n } = token;
    const number = { epoch, for: kind, n };
    if (this.#spent.some((mark) => mark.epoch === epoch && mark.for === kind && mark.n === n)) return;
    const governor = toHex(token.governor.keyId);
    this.#spent = marksKept(this.#spent, { ...number, governor, order: orderHash(order) });
    const news = this.#take(token);
    await this.#save();
    this.#o.onEvent?.({ is: 'spent', order: toHex(order.id), token: number });
    if (news) this.#tell(token.packet);
  }

  /** A token that somebody else has seen: new ones are on stable storage when the promise resolves. */
  async hear(packet: Uint8Array): Promise<'new' | 'known' | 'refused'> {
    const opened = openToken(packet, this.#o.keyring.current, this.#o.tenant);
    if (!opened.ok) return 'refused';
    this.#seen = this.#counted;
    const heard = hearToken(this.#seen, seenOf(opened.value));
    if (heard.is !== 'new') return heard.is;
    this.#take(opened.value);
    await this.#save();
    this.#tell(opened.value.packet);
    return 'new';
  }

  #take(token: Token): boolean {
    const before = this.#counted;
    const heard = hearToken(before, seenOf(token));
    this.#seen = heard.seen;
    const fork = findFork(heard.seen, token.epoch);
    if (fork !== undefined && findFork(before, token.epoch) === undefined) {
      this.#o.onEvent?.({ is: 'forked', fork });
    }
    return heard.is === 'new';
  }

  /** The tokens that were seen, as they travel, the newest epochs first. At most MAX_SEEN. */
  told(): readonly Uint8Array[] {
    return [...this.#counted].sort((a, b) => b.epoch - a.epoch).map(({ packet }) => packet);
  }

  /** Called with each token that is new here, once it is stored. A listener does not throw. */
  onNews(listener: (packet: Uint8Array) => void): Stop {
    if (this.#listeners.size >= LISTENERS_MAX) throw new RangeError('too many listeners of tokens');
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(packet: Uint8Array): void {
    for (const listener of this.#listeners) listener(packet);
  }

  /** What a change of the limits would come to: whether it changes anything. BUDGET_OLDER, MESSAGE_INVALID. */
  judgeUpdate(change: LimitsChange): Verdict<{ readonly changed: boolean }> {
    const judged = judgeLimits(this.#limitsNow, change);
    return judged.ok ? allow({ changed: judged.value.changed }) : judged;
  }

  /** Changes the limits, on stable storage when the promise resolves: down at once, up after the delay. BUDGET_OLDER, MESSAGE_INVALID. */
  async update(change: LimitsChange): Promise<Verdict<{ readonly changed: boolean }>> {
    const judged = judgeLimits(this.#limitsNow, change);
    if (!judged.ok) return judged;
    const { state, changed } = judged.value;
    if (!changed) return allow({ changed });
    this.#limits = state;
    await this.#save();
    const { version, pending, inForce } = state;
    this.#o.onEvent?.({ is: 'changed', version, limits: inForce });
    if (pending !== undefined) this.#o.onEvent?.({ is: 'pending', version, limits: pending.limits });
    return allow({ changed });
  }

  /**
   * Files that an order without a token is about to remove or replace. They count whatever becomes of the order.
   * BUDGET_SPENT where they are more than this key has left.
   */
  async takePlain(issuer: Uint8Array, files: number): Promise<Verdict<void>> {
    const taken = this.#plain.take(toHex(issuer), files);
    if (!taken.ok) return taken;
    if (taken.value.store) await this.#save();
    return allow(undefined);
  }

  /** So much running time has passed since the last call, or since the start. */
  async pass(passed: Duration): Promise<void> {
    const before = this.#limitsNow;
    const after = afterWaiting(before, passed, this.#o.raiseDelay);
    const raised = before.pending !== undefined && after.pending === undefined;
    if (after !== before) this.#limits = after;
    this.#plain.pass(passed);
    this.#ran += passed;
    this.#unstored += passed;
    const due = Math.min(STORED_EVERY, Math.max(STORED_FIRST, this.#ran / 2));
    const waits = after.pending !== undefined || !this.#plain.idle;
    if (raised || (waits && this.#unstored >= due)) await this.#save();
    if (raised) this.#o.onEvent?.({ is: 'changed', version: after.version, limits: after.inForce });
  }

  /** Resolves when all that is known is on stable storage. */
  store(): Promise<void> {
    return this.#save();
  }

  /** Stores the running time of this start. */
  async close(): Promise<void> {
    if (this.#unstored > 0 && (this.#limitsNow.pending !== undefined || !this.#plain.idle)) {
      await this.#save();
    }
    await this.#last;
  }

  status(): BudgetStatus {
    return budgetStatus({
      limits: this.#limitsNow,
      damaged: this.#limits?.version === 0,
      raiseDelay: this.#o.raiseDelay,
      seen: this.#counted,
      governors: governorsIn(this.#o.keyring.current).map(({ name }) => name),
      plain: this.#plain,
    });
  }

  /** What changes while a write is under way is in the next one; whoever asks waits for a write that began after. */
  #save(): Promise<void> {
    if (this.#next !== undefined) return this.#next;
    const next = this.#last.then(() => {
      this.#next = undefined;
      return this.#write();
    });
    this.#next = next;
    this.#last = next.catch(() => undefined);
    return next;
  }

  async #write(): Promise<void> {
    this.#seq += 1;
    this.#unstored = 0;
    const copy = encodeBudgetRecord({
      seq: this.#seq,
      ...(this.#limits === undefined ? {} : { limits: this.#limits }),
      seen: this.#counted.map(({ packet }) => packet),
      spent: this.#spent,
      plain: this.#plain.snapshot(),
    });
    // One after the other: at any moment at least one is whole.
    for (const name of BUDGET_DOCUMENTS) await this.#o.store.writeDocument(name, copy);
  }
}
