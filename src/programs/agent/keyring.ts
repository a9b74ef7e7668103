import { readFile } from 'node:fs/promises';
import { allow, hasCode, NsError, sentenceOf, toHex } from '../../base/index.ts';
import type { LogSink, PowerState, StateStore } from '../../ports/index.ts';
import type { Order } from '../../protocol/index.ts';
import {
  type AuditLog,
  authoriseAll,
  KeyringHolder,
  type KeyringView,
  linksOf,
  openOrder,
  signersBehind,
  stillStands,
  withinGrants,
} from '../../security/index.ts';
import type { AdmittedOrder, DeskOptions, DeviceIdentity, OrderStanding } from '../../tasks/index.ts';
import type { AgentConfig } from './config.ts';
import type { Machine } from './machine.ts';

type Note = (event: string, detail: string) => Promise<unknown>;

/** Of a file that somebody has put beside the configuration. */
const LARGEST = 32 * 1024;

/**
 * The keys of this device: the stored document, else the local list. A document that was provisioned as a file is
 * judged as one that comes by an order. What cannot be used keeps no device from starting; it is said and written down.
 */
export async function openDeviceKeyring(
  config: Pick<AgentConfig, 'tenant' | 'keyring' | 'keyringRoots' | 'keyringFile'>,
  store: StateStore,
  log: LogSink,
  { audit: written, clock }: Pick<Machine, 'audit' | 'clock'>,
): Promise<KeyringHolder> {
  const audit: Note = (event, detail) => written.append({ at: clock.wallSeconds(), event, detail });
  const { tenant, keyring: local, keyringRoots: roots, keyringFile } = config;
  const holder = await KeyringHolder.open({ store, tenant, local, roots });
  const before = await latestInForce(written);
  const stored = holder.inForce.source === 'document' ? holder.inForce.signed.document.version : 0;
  if (holder.inForce.source !== 'damaged' && stored < before) {
    log.log('error', 'keyring.put-back', { was: before, is: stored });
    await audit('keyring.put-back', `version ${stored} where version ${before} was in force`);
  }
  if (keyringFile !== undefined) await takeIn(holder, keyringFile, log, audit);
  const { inForce } = holder;
  if (inForce.source === 'damaged') {
    log.log('error', 'keyring.damaged', {
      meaning: 'no key is known, and every order is refused until somebody at the device sees to it',
    });
    await audit('keyring.damaged', 'neither stored copy is whole');
  } else if (inForce.source === 'document') {
    const { version } = inForce.signed.document;
    const unused = local.entries().length;
    log.log('info', 'keyring.in-force', {
      version,
      hash: toHex(inForce.signed.hash),
      ...(unused === 0 ? {} : { localKeysThatNoLongerCount: unused }),
    });
  } else
    log.log('info', 'keyring.local', { keys: local.entries().length, acceptsDocuments: roots !== undefined });
  return holder;
}

/**
 * The version that the audit log last knew in force; 0 where none. Whoever can write to the state directory can put an
 * older keyring back, or take it away to be enrolled anew; unless the log is put back too, that does not pass in silence.
 */
async function latestInForce(log: AuditLog): Promise<number> {
  let version = 0;
  try {
    for (let from: number | undefined = log.first; from !== undefined; ) {
      const page = await log.read(from);
      for (const { event, detail } of page.entries) {
        if (/^keyring\.(in-force|put-back)$/.test(event))
          version = Number(/^version (\d{1,16})/.exec(detail)?.[1] ?? 0);
      }
      from = page.next;
    }
  } catch (error) {
    if (!hasCode(error, 'NS_AUDIT_DAMAGED')) throw error;
  }
  return version;
}

async function takeIn(holder: KeyringHolder, path: string, log: LogSink, audit: Note): Promise<void> {
  const update = await holder.update(await readDocument(path));
  if (!update.ok) {
    const { code, sentence } = update.refusal;
    // An old file beside a newer keyring is how things stand after the first update by an order.
    log.log(code === 'KEYRING_OLDER' ? 'info' : 'error', 'keyring.file-not-used', { code, sentence });
    if (code !== 'KEYRING_OLDER') await audit('keyring.refused', `from a local file: ${code}`);
  } else if (update.value.changed) {
    const { document, hash } = update.value.signed;
    await audit('keyring.in-force', `version ${document.version} sha256 ${toHex(hash)} from a local file`);
  }
}

async function readDocument(path: string): Promise<Uint8Array> {
  try {
    const bytes = await readFile(path);
    return new Uint8Array(bytes.subarray(0, LARGEST));
  } catch (cause) {
    throw new NsError('NS_CONFIG_INVALID', `"keyringFile": ${path} cannot be read: ${sentenceOf(cause)}`, {
      family: 'caller',
      cause,
    });
  }
}

/**
 * An order from the journal is judged by the keyring of today: a key that is gone, has another role now, or whose
 * grant has ended, orders nothing.
 */
export function reopener(
  keyring: KeyringView,
  { tenant, device, groups }: DeviceIdentity,
  timeFor: (order: Pick<Order, 'verb'>) => number,
): DeskOptions['reopen'] {
  return (packet) => {
    const opened = openOrder(packet, keyring.current, { tenant });
    if (!opened.ok) return opened;
    const { order, packetHash, signer, cosigners } = opened.value;
    const signers = [signer, ...cosigners];
    const permitted = authoriseAll(signers, order, { via: 'mqtt' });
    if (!permitted.ok) return permitted;
    const granted = withinGrants(signers, order, { device, groups, power: 'later', now: timeFor(order) });
    return granted.ok ? allow({ order, packet, packetHash, issuer: signer, cosigners }) : granted;
  };
}

/** Whether an order that was taken in still stands, by the keyring of the moment of asking. */
export function standingOf(
  keyring: KeyringView,
  { tenant, device, groups }: DeviceIdentity,
  timeFor: (order: Pick<Order, 'verb'>) => number,
): OrderStanding {
  const keyIds = ({ issuer, cosigners = [] }: AdmittedOrder) =>
    [issuer, ...cosigners].map(({ keyId }) => keyId);
  const judge = (
    admitted: AdmittedOrder,
    order: Pick<Order, 'verb' | 'args' | 'grants'>,
    power: PowerState | 'later',
  ) =>
    stillStands(keyring.current, keyIds(admitted), order, {
      tenant,
      device,
      groups,
      power,
      now: timeFor(order),
      via: 'mqtt',
    });
  return {
    begins: (admitted, power) => judge(admitted, admitted.order, power),
    paths: (admitted) => {
      const { verb, args, grants } = admitted.order;
      const signers = signersBehind(keyring.current, keyIds(admitted), admitted.order, tenant);
      const narrowed =
        !signers.ok ||
        signers.value
          .flatMap(linksOf)
          .some(({ scopes }) => scopes?.some(({ paths }) => paths !== undefined) === true);
      if (!narrowed) return undefined;
      const at = (path: string) => ({ verb, args: { ...args, path } as typeof args });
      return (path) => judge(admitted, { ...at(path), ...(grants === undefined ? {} : { grants }) }, 'later');
    },
  };
}
