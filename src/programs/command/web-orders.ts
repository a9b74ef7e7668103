import { knownKeys } from '../../fleet/index.ts';
import { Keyring } from '../../security/index.ts';
import type { OrderDoor } from '../../web/index.ts';
import { checkAudit } from './verify.ts';
import { type DeskParts, MOST_HOSTS, ownKey } from './web-desk.ts';
import { openDraft } from './web-drafts.ts';
import { orderForms } from './web-forms.ts';
import { prepareOrders } from './web-prepare.ts';

/** What the page may order, by the parts that the commands are made of. */
export async function orderDoor(
  given: Omit<DeskParts, 'tenant' | 'people' | 'devices' | 'keys' | 'signer'>,
): Promise<OrderDoor> {
  const { context, program } = given;
  const config = await context.config();
  const parts: DeskParts = {
    ...given,
    signer: await context.signer(),
    tenant: config.tenant,
    people: new Keyring(config.people),
    devices: new Set(config.devices.keys()),
    keys: knownKeys(config, [], []),
  };
  return {
    me: ownKey(parts.signer.key, parts.people),
    forms: orderForms(program),
    mostHosts: MOST_HOSTS,
    prepare: (asked, signal) => prepareOrders(parts, asked, signal),
    openDraft: (text) => openDraft(parts, text),
    checkKept: async (host) => {
      const { lines, reports, holds } = await checkAudit(context, host);
      const kept = reports.map(({ chain }) =>
        chain.receipts === 0
          ? 'no receipts'
          : `receipts ${chain.first} to ${chain.last}: ${chain.receipts} kept here`,
      );
      return { holds, lines: [...kept, ...lines] };
    },
  };
}
