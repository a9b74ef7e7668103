import { createHash } from 'node:crypto';
import { equalBytes, type Refusal, toHex } from '../base/index.ts';
import type { PublicKey } from '../ports/index.ts';
import { type DeviceEvent, type Order, type Receipt, VERBS } from '../protocol/index.ts';
import { authorise, type Enrolled, type Keyring, openEvent, openOrder } from '../security/index.ts';
import { decodeEvidence, type KeptReceipt } from './evidence.ts';
import { type Finding, note, unchecked, wrong } from './finding.ts';
import { checkSamples } from './verify-contents.ts';
import { notesOfGrants } from './verify-grants.ts';
import { noteOfPower } from './verify-power.ts';

/** What public keys are known: that is all that checking needs. */
export interface KnownKeys {
  /** More than one where a device has had several. */
  readonly devices: ReadonlyMap<string, readonly PublicKey[]>;
  readonly people: Keyring;
  readonly tenant: string;
}

/** A receipt whose signature holds, and what was found about it. */
export interface CheckedReceipt {
  readonly source: string;
  readonly device: string;
  /** Hexadecimal id of the device's key. */
  readonly key: string;
  readonly receipt: Receipt;
  /** SHA-256 of its packet. */
  readonly hash: Uint8Array;
  /** Where the order's own signatures were checked too. */
  readonly order: Order | undefined;
  readonly signers: readonly Enrolled[];
  readonly findings: readonly Finding[];
}

export type CheckedFile =
  | { readonly is: 'receipt'; readonly checked: CheckedReceipt }
  /** A signed event that is no receipt: presence, which may tell where the audit log stood. */
  | { readonly is: 'event'; readonly source: string; readonly event: DeviceEvent; readonly key: string }
  | { readonly is: 'bad'; readonly source: string; readonly finding: Finding };

function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(bytes).digest());
}

/**
 * Checks one file: a kept receipt, or a packet as a device published it. Nothing of it is believed before a signature
 * by a known key holds.
 */
export function verifyFile(source: string, bytes: Uint8Array, keys: KnownKeys): CheckedFile {
  // A signed packet begins with the tag of COSE_Sign1, a kept receipt with a map.
  if (bytes[0] === 0xd2) return verifyPacket(source, bytes, keys);
  const kept = decodeEvidence(bytes);
  if (!kept.ok) return bad(source, wrong('NOT_A_RECEIPT', `It is no kept receipt: ${kept.refusal.sentence}`));
  const { tenant, device, receipt } = kept.value;
  const known = keys.devices.get(device);
  if (known === undefined) {
    const others = openByAny(receipt, [...keys.devices.values()].flat(), tenant);
    if (others.ok)
      return bad(
        source,
        wrong('OTHER_DEVICE', `The receipt is of "${others.event.device}", not of "${device}".`),
      );
    return bad(source, unchecked('DEVICE_UNKNOWN', `No public key is known for the device "${device}".`));
  }
  const opened = openByAny(receipt, known, tenant);
  if (!opened.ok) return bad(source, wrong(opened.refusal.code, `The receipt: ${opened.refusal.sentence}`));
  const { event, key } = opened;
  if (event.event !== 'receipt')
    return bad(
      source,
      wrong('NOT_A_RECEIPT', `It holds an event "${event.event}" where the receipt should be.`),
    );
  if (event.device !== device)
    return bad(source, wrong('OTHER_DEVICE', `The receipt is of "${event.device}", not of "${device}".`));
  const tenants =
    tenant === keys.tenant ? [] : [note('OTHER_TENANT', `It belongs to the tenant "${tenant}".`)];
  const order = verifyOrder(kept.value, event, keys);
  return {
    is: 'receipt',
    checked: {
      source,
      device,
      key,
      receipt: event,
      hash: sha256(receipt),
      order: order.order,
      signers: order.signers,
      findings: [
        ...tenants,
        ...order.findings,
        ...verifyContents(event),
        ...checkSamples(event, order.order),
      ],
    },
  };
}

function verifyPacket(source: string, packet: Uint8Array, keys: KnownKeys): CheckedFile {
  const all = [...keys.devices].flatMap(([device, known]) => known.map((key) => ({ device, key })));
  let why: Refusal | undefined;
  for (const { device, key } of all) {
    const opened = openEvent(packet, key, { tenant: keys.tenant });
    if (!opened.ok) {
      if (opened.refusal.code === 'KEY_UNKNOWN') continue;
      why = opened.refusal;
      break;
    }
    const event = opened.value;
    const id = toHex(key.keyId);
    if (event.device !== device)
      return bad(
        source,
        wrong('OTHER_DEVICE', `The key is that of "${device}", the packet of "${event.device}".`),
      );
    if (event.event !== 'receipt') return { is: 'event', source, event, key: id };
    const findings = [
      unchecked('NO_ORDER', 'The order that it answers is not here.'),
      ...verifyContents(event),
    ];
    const hash = sha256(packet);
    const checked = {
      source,
      device,
      key: id,
      receipt: event,
      hash,
      order: undefined,
      signers: [],
      findings,
    };
    return { is: 'receipt', checked };
  }
  if (why !== undefined) return bad(source, wrong(why.code, why.sentence));
  return bad(source, unchecked('DEVICE_UNKNOWN', 'It is signed by none of the keys that are known here.'));
}

function openByAny(
  packet: Uint8Array,
  keys: readonly PublicKey[],
  tenant: string,
):
  | { readonly ok: true; readonly event: DeviceEvent; readonly key: string }
  | { readonly ok: false; readonly refusal: Refusal } {
  let last: Refusal = { code: 'KEY_UNKNOWN', sentence: 'No key of this device is known.', remedy: '' };
  for (const key of keys) {
    const opened = openEvent(packet, key, { tenant });
    if (opened.ok) return { ok: true, event: opened.value, key: toHex(key.keyId) };
    // Which key signed is said by the packet: what fails for that one is what there is to say.
    if (last.code === 'KEY_UNKNOWN') last = opened.refusal;
  }
  return { ok: false, refusal: last };
}

interface CheckedOrder {
  readonly order: Order | undefined;
  readonly signers: readonly Enrolled[];
  readonly findings: readonly Finding[];
}

/** The hash in the receipt binds it to one packet; the order's own signatures say who asked. */
function verifyOrder(
  { order: packet, tenant }: KeptReceipt,
  receipt: Receipt,
  keys: KnownKeys,
): CheckedOrder {
  const none = { order: undefined, signers: [] };
  if (!equalBytes(sha256(packet), receipt.order)) {
    return {
      ...none,
      findings: [wrong('OTHER_ORDER', 'The receipt answers another packet than the order beside it.')],
    };
  }
  const opened = openOrder(packet, keys.people, { tenant });
  if (!opened.ok) {
    const { code, sentence } = opened.refusal;
    const finding =
      code === 'KEY_UNKNOWN'
        ? unchecked('SIGNER_UNKNOWN', `Who ordered it was not checked: ${sentence}`)
        : wrong(code, `The order: ${sentence}`);
    return { ...none, findings: [finding] };
  }
  const { order, signer, cosigners } = opened.value;
  const signers = [signer, ...cosigners];
  return {
    order,
    signers,
    findings: [...matchOrder(order, receipt), ...matchAskers(order, receipt, signers)],
  };
}

function matchOrder(order: Order, receipt: Receipt): Finding[] {
  const findings: Finding[] = [];
  if (!equalBytes(order.id, receipt.id))
    findings.push(wrong('OTHER_ORDER', 'The receipt names another order id.'));
  if (!equalBytes(order.iss, receipt.issuer))
    findings.push(wrong('OTHER_ISSUER', 'The receipt names another issuer.'));
  // An order whose key is gone is answered without a look inside.
  if (order.verb !== receipt.verb && receipt.verb !== 'unknown')
    findings.push(wrong('OTHER_VERB', `The order is ${order.verb}, the receipt says ${receipt.verb}.`));
  if (order.aud.to === 'device' && order.aud.name !== receipt.device)
    findings.push(wrong('OTHER_DEVICE', `The order is for "${order.aud.name}".`));
  if (order.aud.to === 'group')
    findings.push(note('GROUP', `The order is for the group "${order.aud.name}".`));
  return findings;
}

function matchAskers(order: Order, receipt: Receipt, signers: readonly Enrolled[]): Finding[] {
  const findings: Finding[] = [];
  const { askers } = receipt;
  if (askers !== undefined) {
    const named = askers.map(({ key }) => toHex(key)).toSorted();
    const found = signers.map(({ keyId }) => toHex(keyId)).toSorted();
    if (named.join() !== found.join())
      findings.push(wrong('OTHER_ASKERS', 'The receipt names others than those who signed the order.'));
    for (const asker of askers) {
      const known = signers.find(({ keyId }) => equalBytes(keyId, asker.key));
      if (known !== undefined && (known.role !== asker.role || known.name !== asker.name)) {
        findings.push(
          note(
            'ASKER_DIFFERS',
            `The device knew ${known.name} (${known.role}) as ${asker.name} (${asker.role}).`,
          ),
        );
      }
    }
  }
  for (const { name, role } of signers) {
    if (receipt.outcome !== 'refused' && !authorise(role, order, { via: 'mqtt' }).ok)
      findings.push(
        note('ROLE', `By the keys known here ${name} is ${role} and may not give ${order.verb}.`),
      );
  }
  return [...findings, ...notesOfGrants(order, receipt, signers)];
}

/** What the receipt says, as far as it can be judged by itself. */
function verifyContents(receipt: Receipt): Finding[] {
  const findings: Finding[] = [...noteOfPower(receipt.power)];
  const { clock, receivedAt, result, verb } = receipt;
  if (clock !== undefined && receivedAt < clock.floor)
    findings.push(
      note('CLOCK_BEHIND', "The device's wall clock stood before a time that had surely passed."),
    );
  if (result !== undefined && !Object.hasOwn(VERBS, verb))
    findings.push(note('VERB_UNKNOWN', `The verb ${verb} is not known here, nor its result.`));
  return findings;
}

function bad(source: string, finding: Finding): CheckedFile {
  return { is: 'bad', source, finding };
}
