import { toHex } from '../base/index.ts';
import { DESTRUCTIONS, type Destruction, type TokenDraft } from '../security/index.ts';
import { counted, timeText } from '../show/index.ts';
import { groupEqual } from './fold-hosts.ts';
import { currentEpoch, leftOf, type TokenLedger } from './token-ledger.ts';

const KINDS: Readonly<Record<Destruction, string>> = {
  lock: 'to disable',
  wipe: 'to delete a tree, or what a host needs to start',
};

/** "gina, governor, key …". */
export function signerWords({ governor, keyId }: Pick<TokenDraft, 'governor' | 'keyId'>): string {
  const key = `key ${toHex(keyId)}`;
  if (governor === undefined) return `${key}: NOT KNOWN HERE, so nobody can say whose it is`;
  const person = governor.person === governor.name ? '' : ` (${governor.person})`;
  return `${governor.name}${person}, governor, ${key}`;
}

/** A file of tokens in words; tokens that differ only in host and number are one entry. */
export function showTokens(tenant: string, tokens: readonly TokenDraft[]): string[] {
  const texts = tokens.map((token) => ({
    host: `${token.device} number ${token.n}`,
    text: [
      `${token.for} (${KINDS[token.for]}), epoch ${token.epoch}`,
      `signed by: ${signerWords(token)}`,
      `signed at: ${timeText(token.at)}`,
    ].join('\n'),
  }));
  return [
    `${counted(tokens.length, 'token')} for the tenant ${tenant}`,
    ...groupEqual(texts).flatMap(({ hosts, text }) => {
      const [first = '', ...rest] = text.split('\n');
      return [first, `  for: ${hosts.join(', ')}`, ...rest.map((line) => `  ${line}`)];
    }),
  ];
}

/** How the budget stands by the governor's own ledger. */
export function showLedger(ledger: TokenLedger): string[] {
  const { epoch, began, given = [] } = currentEpoch(ledger);
  const left = DESTRUCTIONS.map((kind) => `${kind}: ${leftOf(ledger, kind)} of ${ledger.limits[kind]} left`);
  return [
    `epoch ${epoch} of the tenant ${ledger.tenant}, begun ${timeText(began)}`,
    `governor: key ${ledger.governor}`,
    ...left,
    ...given.map(({ for: kind, n, device, at }) => `  ${kind} ${n}  ${device}  ${timeText(at)}`),
  ];
}
