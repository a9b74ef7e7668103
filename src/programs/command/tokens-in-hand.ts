import type { Command } from 'commander';
import { readOrderText } from '../../adapters/order-file.ts';
import { NsError, toHex } from '../../base/index.ts';
import { currentEpoch, foldHosts, LARGEST_ARMOURED, leftOf } from '../../fleet/index.ts';
import type { Order } from '../../protocol/index.ts';
import { type Destruction, destructionOf, type TokenDraft } from '../../security/index.ts';
import { holdTokens, needsToken } from '../tokens-in-file.ts';
import { budgetLeft } from './budget-left.ts';
import type { Context } from './context.ts';
import { type Governor, openGovernorKey } from './governor.ts';

export { checkApart, needsToken } from '../tokens-in-file.ts';

export interface TokenOptions {
  readonly tokens?: string;
  readonly tokenKey?: string;
}

/** Tokens for the orders of one command. */
export interface TokensInHand {
  readonly kind: Destruction;
  /** What the command takes out of the budget, for whoever is asked whether it shall. */
  readonly lines: readonly string[];
  /** The token of this order, which no other order gets from now on. */
  readonly give: (order: Order) => Promise<Uint8Array>;
  /** After an order that its device did not take. */
  readonly release: (order: Uint8Array) => Promise<void>;
}

export function withTokenOptions(command: Command): Command {
  return command
    .option('--tokens <file>', 'tokens of the budget, as the governor has signed them')
    .option('--token-key <file>', "sign the tokens here, with the governor's key; for small sites");
}

/** How far the order reaches into the budget; and where somebody is about to be asked, what the devices say is left. */
export async function sayBudget(
  context: Context,
  { kind, lines }: Pick<TokensInHand, 'kind' | 'lines'>,
  hosts: readonly string[],
  yes: boolean,
): Promise<void> {
  for (const line of lines) context.terminal.warn(line);
  if (!yes && context.terminal.interactive) {
    context.terminal.warn(await budgetLeft(context, kind, hosts));
  }
}

/**
 * The tokens that these hosts' orders take; undefined where the order destroys nothing. NS_NEEDS_TOKEN, before anything
 * is sent, where there is not one for each host; NS_BUDGET_SPENT.
 */
export async function tokensFor(
  context: Context,
  order: Pick<Order, 'verb' | 'args'>,
  hosts: readonly string[],
  o: TokenOptions,
): Promise<TokensInHand | undefined> {
  const kind = destructionOf(order);
  if (kind === undefined) return undefined;
  if (o.tokens !== undefined) return fromFile(context, kind, hosts, o.tokens);
  if (o.tokenKey !== undefined) return fromKey(context, kind, hosts, o.tokenKey);
  const range = foldHosts(hosts);
  throw needsToken(
    `Nothing was sent. The governor: "nightshift token issue ${range} --for ${kind} -o FILE"; then add --tokens FILE.`,
  );
}

async function fromFile(
  context: Context,
  kind: Destruction,
  hosts: readonly string[],
  path: string,
): Promise<TokensInHand> {
  return tokensInText(context, kind, hosts, {
    name: path,
    text: await readOrderText(path, LARGEST_ARMOURED),
  });
}

/** The same with the text of such a file. */
export async function tokensInText(
  context: Context,
  kind: Destruction,
  hosts: readonly string[],
  text: { readonly name: string; readonly text: string },
): Promise<TokensInHand & { readonly first: ReadonlyMap<string, TokenDraft> }> {
  const { people, tenant } = await context.config();
  const place = { people, tenant, receipts: await context.receipts() };
  const held = await holdTokens(place, kind, hosts, text);
  return { kind, ...held, lines: budgetLines(kind, [...held.first.values()]) };
}

/** "budget: lock, epoch 20778: 2 tokens, rack1 number 3, rack2 number 4, signed by gina". */
function budgetLines(kind: Destruction, tokens: readonly TokenDraft[]): string[] {
  const groups = new Map<string, string[]>();
  for (const { epoch, governor, keyId, device, n } of tokens) {
    const by = governor?.name ?? `key ${toHex(keyId)}, which is not known here`;
    const key = `epoch ${epoch}, signed by ${by}`;
    groups.set(key, [...(groups.get(key) ?? []), `${device} number ${n}`]);
  }
  return [...groups].map(
    ([key, uses]) =>
      `budget: takes ${uses.length} ${uses.length === 1 ? 'token' : 'tokens'} for ${kind} of ${key}: ${uses.join(', ')}`,
  );
}

async function fromKey(
  context: Context,
  kind: Destruction,
  hosts: readonly string[],
  path: string,
): Promise<TokensInHand> {
  const governor: Governor = await openGovernorKey(context, path);
  const ledger = await governor.ledger();
  const left = leftOf(ledger, kind);
  const { epoch } = currentEpoch(ledger);
  if (hosts.length > left) {
    throw new NsError(
      'NS_BUDGET_SPENT',
      `${hosts.length} tokens for ${kind} are needed, and in epoch ${epoch} ${left} of ${ledger.limits[kind]} are left; nothing was sent`,
      { family: 'caller' },
    );
  }
  context.terminal.warn(
    'nightshift: the tokens are signed here, beside the orders: whoever has this desk has the budget too. ' +
      'A governor apart signs them elsewhere: "nightshift token issue".',
  );
  let issued: Promise<ReadonlyMap<string, Uint8Array>> | undefined;
  return {
    kind,
    lines: [
      `budget: takes ${hosts.length} ${hosts.length === 1 ? 'token' : 'tokens'} for ${kind} of epoch ${epoch}; ${left - hosts.length} of ${ledger.limits[kind]} are left after that`,
    ],
    give: async ({ aud }) => {
      // Only when the first is wanted: a command that cannot connect takes none.
      issued ??= governor.issue(kind, hosts);
      return (await issued).get(aud.name)!;
    },
    release: async () => undefined,
  };
}
