import { type Draft, destructionOf, foldPerson, type Keyring, readToken } from '../security/index.ts';
import { signerWords } from './show-tokens.ts';

/** What is to be said of a draft's token; the number apart, because it differs from host to host. */
export interface DraftToken {
  readonly lines: readonly string[];
  readonly number: number | undefined;
}

/** The token that a draft uses up, in words, with everything that will have its device refuse it. */
export function draftToken(
  { order, signatures }: Pick<Draft, 'order' | 'signatures'>,
  people: Keyring,
  tenant: string,
): DraftToken {
  const kind = destructionOf(order);
  if (order.token === undefined) {
    const lines = kind === undefined ? [] : ['WARNING: it has no token of the budget; no device obeys that'];
    return { lines, number: undefined };
  }
  const read = readToken(order.token, people, tenant);
  if (!read.ok) {
    return { lines: [`WARNING: its token is worth nothing: ${read.refusal.sentence}`], number: undefined };
  }
  const token = read.value;
  const { governor } = token;
  const lines = [`token: ${token.for}, epoch ${token.epoch}, signed by ${signerWords(token)}`];
  if (token.for !== kind) lines.push(`WARNING: the order needs ${kind ?? 'no token'}`);
  if (token.device !== order.aud.name) lines.push(`WARNING: the token is for ${token.device}`);
  const same = signatures.some(
    ({ signer }) =>
      signer !== undefined &&
      governor !== undefined &&
      foldPerson(signer.person) === foldPerson(governor.person),
  );
  if (same) lines.push('WARNING: whoever signed the token has signed the order too; no device obeys that');
  return { lines, number: token.n };
}
