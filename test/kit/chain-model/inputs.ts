import type { Found } from '../../../src/sata-chain/pttrsm/found.ts';
import type { UnitTimer } from '../../../src/sata-chain/pttrsm/pttrsm.ts';
import type { SideEvent } from '../../../src/sata-chain/pttrsm/side.ts';
import type { TInput } from '../../../src/sata-chain/pttrsm/step.ts';
import type { UnitOrder } from '../../../src/sata-chain/unit/orders.ts';

/** An input to PTTRSM with a number of its own. */
export interface Numbered {
  readonly id: number;
  readonly input: TInput;
}

const known = new Map<string, Numbered>();

function numbered(name: string, make: () => TInput): Numbered {
  const found = known.get(name);
  if (found) return found;
  const made = { id: known.size, input: make() };
  known.set(name, made);
  return made;
}

type Event = Extract<TInput, { is: 'event' }>['event'];

export const event = (name: Event): Numbered => numbered(name, () => ({ is: 'event', event: name }));

export const order = (name: UnitOrder): Numbered =>
  numbered(`order ${name}`, () => ({ is: 'order', order: name }));

export const timer = (name: UnitTimer): Numbered =>
  numbered(`timer ${name}`, () => ({ is: 'timer', timer: name }));

export const side = (port: 'pto' | 'ddi', name: SideEvent): Numbered =>
  numbered(`${port} ${name}`, () => ({ is: 'side', port, event: name }));

const LINKS = [...Array(16).keys()].map((bits) =>
  numbered(`links ${bits}`, () => ({
    is: 'links',
    ptiUp: (bits & 1) !== 0,
    ptoUp: (bits & 2) !== 0,
    seen: { local: (bits & 4) !== 0, below: (bits & 8) !== 0 },
  })),
);

export const links = (ptiUp: boolean, ptoUp: boolean, seenLocal: boolean, seenBelow: boolean): Numbered =>
  LINKS[(ptiUp ? 1 : 0) + (ptoUp ? 2 : 0) + (seenLocal ? 4 : 0) + (seenBelow ? 8 : 0)]!;

const answers = { pto: new Map<Found, Numbered>(), ddi: new Map<Found, Numbered>() };

/** The answer to IDENTIFY, or none. */
export function identity(port: 'pto' | 'ddi', found: Found | undefined): Numbered {
  if (!found) return side(port, 'no identity');
  let input = answers[port].get(found);
  if (!input) {
    input = numbered(`${port} ${JSON.stringify(found)}`, () => ({
      is: 'side',
      port,
      event: 'identity',
      found,
    }));
    answers[port].set(found, input);
  }
  return input;
}
