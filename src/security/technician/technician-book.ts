import { NsError } from '../../base/index.ts';
import type { Entropy, StateStore } from '../../ports/index.ts';
import { publicKeyText } from '../public-key.ts';
import { keyStoreOf } from '../signing-key.ts';
import { newSealedKey } from './sealed-key.ts';
import {
  decodeTechnicians,
  encodeTechnicians,
  MOST_TECHNICIANS,
  TECHNICIAN_NAME,
  type Technician,
} from './technician-record.ts';

/** Name of the document in the state store. */
export const TECHNICIANS_DOCUMENT = 'technicians';
export const SHORTEST_PASSWORD = 10;
export const LONGEST_PASSWORD = 128;

/** Who may log in; NS_TECHNICIANS_DAMAGED where that cannot be read. */
export async function readTechnicians(
  store: Pick<StateStore, 'readDocument'>,
): Promise<readonly Technician[]> {
  const stored = await store.readDocument(TECHNICIANS_DOCUMENT);
  if (stored === undefined) return [];
  const list = decodeTechnicians(stored);
  if (list !== undefined) return list;
  throw new NsError('NS_TECHNICIANS_DAMAGED', 'the list of technicians on this device is damaged');
}

/**
 * Adds somebody, with a new key; the public half is the answer, for the keyring. NS_TECHNICIAN where the name or the
 * password will not do, or the name is taken.
 */
export async function addTechnician(
  store: Pick<StateStore, 'readDocument' | 'writeDocument'>,
  { name, password }: { readonly name: string; readonly password: string },
  entropy: Entropy,
): Promise<string> {
  if (!TECHNICIAN_NAME.test(name)) {
    throw unfit(
      `"${name}" is no name for a technician: small letters, digits, ".", "_" and "-", a letter first`,
    );
  }
  if (password.length < SHORTEST_PASSWORD || password.length > LONGEST_PASSWORD || !isTyped(password)) {
    throw unfit(
      `a password has ${SHORTEST_PASSWORD} to ${LONGEST_PASSWORD} characters, all of which any terminal can type`,
    );
  }
  const list = await readTechnicians(store);
  if (list.some((known) => known.name === name)) throw unfit(`there is a technician "${name}" already`);
  if (list.length >= MOST_TECHNICIANS) throw unfit(`a device has at most ${MOST_TECHNICIANS} technicians`);
  const { key, sealed } = await newSealedKey(name, password, entropy);
  const publicKey = publicKeyText(keyStoreOf(key).publicKey);
  await store.writeDocument(
    TECHNICIANS_DOCUMENT,
    encodeTechnicians([...list, { name, publicKey, key: sealed }]),
  );
  return publicKey;
}

/** False where there is nobody of this name. */
export async function removeTechnician(
  store: Pick<StateStore, 'readDocument' | 'writeDocument'>,
  name: string,
): Promise<boolean> {
  const list = await readTechnicians(store);
  const rest = list.filter((known) => known.name !== name);
  if (rest.length === list.length) return false;
  await store.writeDocument(TECHNICIANS_DOCUMENT, encodeTechnicians(rest));
  return true;
}

function isTyped(text: string): boolean {
  return /^[\x20-\x7e]+$/.test(text);
}

function unfit(why: string): NsError {
  return new NsError('NS_TECHNICIAN', why, { family: 'caller' });
}
