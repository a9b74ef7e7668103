import { createHash } from 'node:crypto';
import { allow, refuse, toHex, type Verdict } from '../../base/index.ts';
import { encode, type Order } from '../../protocol/index.ts';
import { type Destruction, destructionOf } from '../destruction.ts';
import { foldPerson, type Keyring } from '../keyring.ts';
import { openToken, type Token } from '../token.ts';
import { type BudgetFacts, judgeToken, type SeenToken } from './budget-rules.ts';

/** Who signed an order, as far as the budget asks. */
export interface BudgetSigner {
  readonly name: string;
  readonly person?: string;
}

/** What a destructive order is judged by. */
export interface OrderFacts extends BudgetFacts {
  readonly device: string;
  readonly tenant: string;
  /** In force now. */
  readonly keyring: Keyring;
}

/**
 * Whether the order may be obeyed as far as the budget has a say, and the token that it must spend for that.
 * NEEDS_TOKEN, WRONG_AUDIENCE, TOKEN_INVALID, TOKEN_SPENT, BUDGET_SPENT, BUDGET_FORKED.
 */
export function judgeOrder(
  order: Order,
  signers: readonly BudgetSigner[],
  facts: OrderFacts,
): Verdict<Token | undefined> {
  const kind = destructionOf(order);
  const meant = kind ?? destructionOf(inEarnest(order));
  if (order.token === undefined) return kind === undefined ? allow(undefined) : missing(order, facts);
  if (meant === undefined) {
    // Whoever gave it thinks that it destroys something: obeying it would be doing something else than was meant.
    return refuse(
      'TOKEN_INVALID',
      `This order brings a token, and ${order.verb} in this form takes none.`,
      'Give it without; the token stays good.',
    );
  }
  const judged = judgeItsToken(order, order.token, meant, signers, facts);
  if (!judged.ok) return judged;
  return kind === undefined ? allow(undefined) : judged;
}

/** Those whose tokens count. */
export function governorsIn(keyring: Keyring) {
  return keyring.entries().filter(({ role }) => role === 'governor');
}

export function seenOf({ epoch, for: kind, n, device, governor, packet }: Token): SeenToken {
  return { epoch, for: kind, n, device, governor: toHex(governor.keyId), packet };
}

function missing(order: Order, { keyring }: OrderFacts): Verdict<never> {
  const single = checkSingle(order);
  if (!single.ok) return single;
  if (governorsIn(keyring).length > 0) return refuse('NEEDS_TOKEN');
  return refuse(
    'NEEDS_TOKEN',
    'No governor is enrolled at this device, so it obeys no destructive order.',
    'Enrol a governor in the keyring, and give the order with a token of theirs.',
  );
}

function judgeItsToken(
  order: Order,
  packet: Uint8Array,
  kind: Destruction,
  signers: readonly BudgetSigner[],
  facts: OrderFacts,
): Verdict<Token> {
  const single = checkSingle(order);
  if (!single.ok) return single;
  const opened = openToken(packet, facts.keyring, facts.tenant);
  if (!opened.ok) return opened;
  const token = opened.value;
  if (token.device !== facts.device) {
    return refuse(
      'TOKEN_INVALID',
      `The token is for the device "${token.device}", and this is "${facts.device}".`,
    );
  }
  if (token.for !== kind) {
    return refuse('TOKEN_INVALID', `The token is for ${token.for}, and this order takes one for ${kind}.`);
  }
  const person = foldPerson(token.governor.person);
  if (signers.some(({ name, person: signer = name }) => foldPerson(signer) === person)) {
    return refuse(
      'TOKEN_INVALID',
      `${token.governor.person} signed both the order and its token.`,
      'Who holds the budget gives no order: have it signed by others.',
    );
  }
  const judged = judgeToken(seenOf(token), orderHash(order), facts);
  return judged.ok ? allow(token) : judged;
}

/** All that was signed: whoever gives orders chooses their ids, and could choose one again. */
export function orderHash(order: Order): string {
  return createHash('sha256').update(encode(order)).digest('hex');
}

/** The same order, not as a dry run. */
function inEarnest({ verb, args }: Order): Pick<Order, 'verb' | 'args'> {
  return { verb, args: { ...args, dryRun: false } as Order['args'] };
}

/** A token is for one device, so its order is too. */
function checkSingle({ aud }: Order): Verdict<void> {
  if (aud.to === 'device') return allow(undefined);
  return refuse(
    'WRONG_AUDIENCE',
    `A destructive order is for one device, and this one is for the group "${aud.name}".`,
    'Give it to each device by its name, each time with another token.',
  );
}
