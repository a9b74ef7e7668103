import { NsError } from '../../base/index.ts';
import { ANY_GATEWAY, type Envelope, type RelayNode } from '../../sata-chain/index.ts';

/** What a bus or a gateway needs of a unit's relay. */
export type RelayPart = Pick<RelayNode, 'held' | 'start' | 'onUp' | 'send' | 'close'>;

type Deliver = (envelope: Envelope) => Promise<void>;
type Part = 'orders' | 'events';

/**
 * One relay for a device that takes its own orders along the chain and stands for neighbours too. It starts when both have
 * started. Closing a part takes no more envelopes for it: they are kept for the next run. The relay itself stays open.
 */
export function shareRelay(node: RelayNode): { readonly orders: RelayPart; readonly events: RelayPart } {
  const delivers = new Map<Part, Deliver>();
  const deliver: Deliver = (envelope) => (delivers.get(partOf(envelope)) ?? closed)(envelope);
  const part = (name: Part): RelayPart => ({
    get held() {
      return node.held;
    },
    start: (own) => {
      delivers.set(name, own);
      if (delivers.size === 2) node.start(deliver);
    },
    onUp: (listener) => node.onUp(listener),
    send: (...packet) => node.send(...packet),
    close: async () => {
      delivers.set(name, closed);
    },
  });
  return { orders: part('orders'), events: part('events') };
}

function partOf({ kind, to }: Envelope): Part {
  if (kind === 'seen') return to === ANY_GATEWAY ? 'events' : 'orders';
  return kind === 'order' ? 'orders' : 'events';
}

const closed: Deliver = () =>
  Promise.reject(new NsError('NS_RELAY_CLOSED', 'nobody listens any more', { retryable: true }));
