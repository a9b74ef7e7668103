import { NsError } from '../base/index.ts';
import { type Carrier, within } from './command.ts';

/** A management controller behind a BMC: a satellite on its IPMB, say. */
export interface BridgeTarget {
  /** The BMC's channel: 0 for the primary IPMB. */
  readonly channel: number;
  /** As it stands in a message: even, 20h for a BMC itself. */
  readonly address: number;
}

/** Whoever can have a BMC hand a command on (IPMI 2.0, 6.13). */
export interface BridgingCarrier extends Carrier {
  carryTo(
    target: BridgeTarget,
    question: Parameters<Carrier['carry']>[0],
    signal: AbortSignal,
  ): ReturnType<Carrier['carry']>;
}

/** Commands to a controller behind a BMC. */
export class BridgedCarrier implements Carrier {
  readonly #through: BridgingCarrier;
  readonly #target: BridgeTarget;

  /** NS_IPMI_ARGUMENT for an address that no controller can have. */
  constructor(through: BridgingCarrier, target: BridgeTarget) {
    within(target.channel, 0, 0x0b, 'the channel');
    if (within(target.address, 0x02, 0xfe, 'the address') % 2 !== 0) {
      throw new NsError('NS_IPMI_ARGUMENT', 'the address of a controller is even', { family: 'caller' });
    }
    this.#through = through;
    this.#target = target;
  }

  carry(question: Parameters<Carrier['carry']>[0], signal: AbortSignal): ReturnType<Carrier['carry']> {
    return this.#through.carryTo(this.#target, question, signal);
  }
}

/** The carrier, where it can bridge; NS_IPMI_ARGUMENT where it cannot. */
export function bridging(carrier: Carrier): BridgingCarrier {
  if ('carryTo' in carrier) return carrier as BridgingCarrier;
  throw new NsError('NS_IPMI_ARGUMENT', 'this way to the BMC leads to no other controller', {
    family: 'caller',
  });
}
