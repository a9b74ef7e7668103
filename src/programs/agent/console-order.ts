import { asNsError, equalBytes, NsError, type Refusal, refusal, seconds } from '../../base/index.ts';
import { decodeOrderFile } from '../../fleet/index.ts';
import type { Clock, PublicKey } from '../../ports/index.ts';
import type { Order, Verb } from '../../protocol/index.ts';
import {
  authoriseAll,
  checkAudience,
  type KeyringView,
  openEvent,
  openOrder,
  withinGrants,
} from '../../security/index.ts';
import type { AdmittedOrder, DeviceIdentity, TaskDesk } from '../../tasks/index.ts';

export interface ConsoleOrderParts {
  readonly identity: Pick<DeviceIdentity, 'tenant' | 'device' | 'groups'>;
  readonly keyring: KeyringView;
  readonly desk: TaskDesk;
  readonly deviceKey: PublicKey;
  readonly timeFor: (order: Pick<Order, 'verb'>) => number;
  readonly clock: Clock;
}

const LONGEST = seconds(90);

export type Judged =
  | { readonly is: 'admitted'; readonly order: AdmittedOrder }
  /** It is not authentic, or not for this device. */
  | { readonly is: 'not-ours'; readonly why: Refusal }
  | { readonly is: 'refused'; readonly why: Refusal };

/** Whether an order that was given at the console may go to the desk: the rules of one that the broker has brought. */
export function judgePacket(
  packet: Uint8Array,
  { identity, keyring, timeFor }: Pick<ConsoleOrderParts, 'identity' | 'keyring' | 'timeFor'>,
  only?: Verb,
): Judged {
  const { tenant, device, groups } = identity;
  const opened = openOrder(packet, keyring.current, { tenant });
  if (!opened.ok) return { is: 'not-ours', why: opened.refusal };
  const { order, packetHash, signer, cosigners } = opened.value;
  const audience = checkAudience(order, device, groups);
  if (!audience.ok) return { is: 'not-ours', why: audience.refusal };
  const refused = (why: Refusal): Judged => ({ is: 'refused', why });
  if (only !== undefined && order.verb !== only) {
    return refused(
      refusal('NOT_SUPPORTED', `Only orders to enable are taken here, and this is ${order.verb}.`),
    );
  }
  const signers = [signer, ...cosigners];
  const permitted = authoriseAll(signers, order, { via: 'console' });
  if (!permitted.ok) return refused(permitted.refusal);
  const granted = withinGrants(signers, order, { device, groups, power: 'later', now: timeFor(order) });
  if (!granted.ok) return refused(granted.refusal);
  return { is: 'admitted', order: { order, packet, packetHash, issuer: signer, cosigners } };
}

/**
 * Gives the desk an order to enable that somebody has pasted: the text that "nightshift sign" and "cosign" make. It is judged as
 * one that comes from the broker, and answered once. The answer in sentences.
 */
export async function orderAtConsole(text: string, parts: ConsoleOrderParts): Promise<readonly string[]> {
  const admitted = admit(text, parts);
  if ('code' in admitted) return told(admitted);
  const { id } = admitted.order;
  const { desk, clock } = parts;
  const deadline = clock.deadline(LONGEST, 'the order');
  let stop = (): void => undefined;
  try {
    const ended = new Promise<Uint8Array>((resolve, reject) => {
      stop = desk.onEvent((event) => {
        if (event.kind === 'receipt' && equalBytes(event.id, id)) resolve(event.packet);
      });
      deadline.signal.addEventListener('abort', () => reject(asNsError(deadline.signal.reason)), {
        once: true,
      });
    });
    ended.catch(() => undefined);
    const submission = await desk.submit(admitted);
    if (submission.is === 'refused') return told(submission.refusal);
    const receipt = submission.is === 'known' ? submission.receipt : undefined;
    return outcomeOf(receipt ?? (await ended), parts);
  } finally {
    stop();
    deadline.release();
  }
}

const told = ({ code, sentence, remedy }: Refusal): readonly string[] => [
  `Refused ${code}: ${sentence}`,
  remedy,
];

/** The first order of the text that is for this device, or why there is none that may be given. */
function admit(text: string, parts: ConsoleOrderParts): AdmittedOrder | Refusal {
  const packets = packetsIn(text);
  if ('code' in packets) return packets;
  let why: Refusal = refusal('WRONG_AUDIENCE');
  for (const packet of packets) {
    const judged = judgePacket(packet, parts, 'machine.enable');
    if (judged.is === 'admitted') return judged.order;
    if (judged.is === 'refused') return judged.why;
    why = judged.why;
  }
  return why;
}

function packetsIn(text: string): readonly Uint8Array[] | Refusal {
  try {
    return decodeOrderFile(text).packets;
  } catch (error) {
    return refusal(
      'ENVELOPE_INVALID',
      `${asNsError(error).sentence}.`,
      'Paste the whole text again, both marks and all between them.',
    );
  }
}

function outcomeOf(packet: Uint8Array, { deviceKey, identity }: ConsoleOrderParts): readonly string[] {
  const opened = openEvent(packet, deviceKey, { tenant: identity.tenant });
  if (!opened.ok || opened.value.event !== 'receipt') {
    throw new NsError('NS_RECEIPT_INVALID', 'the receipt of the order cannot be read', { family: 'bug' });
  }
  const { outcome, refusal: why } = opened.value;
  return why === undefined ? [`The order has ended: ${outcome}.`] : told(why as Refusal);
}
