import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { constants, link, open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { NsError } from '../base/index.ts';
import type { KeyAlgorithm, KeyStore } from '../ports/index.ts';
import { keyStoreOf } from '../security/index.ts';
import { pemOf } from './sealed-pem.ts';

export interface KeyFileOptions {
  /** Opens, or seals, an encrypted file. */
  readonly passphrase?: string;
}

export interface NewKeyOptions extends KeyFileOptions {
  readonly algorithm?: KeyAlgorithm;
}

const MAX_BYTES = 16 * 1024;
const PLAIN = '-----BEGIN PRIVATE KEY-----';
const SEALED = '-----BEGIN ENCRYPTED PRIVATE KEY-----';

/**
 * Opens a signing key kept as PEM (PKCS #8). NS_KEY_FILE_MISSING; NS_KEY_FILE_MODE where anyone but its owner may read
 * it, or it belongs to someone else; NS_KEY_PASSPHRASE where one is needed or does not fit; NS_KEY_INVALID for other
 * contents and other kinds of key. No message holds any part of the file or the passphrase.
 */
export async function openKeyFile(path: string, options: KeyFileOptions = {}): Promise<KeyStore> {
  return keyStoreOf(await openPrivateKey(path, options));
}

/** The key itself, for what a KeyStore does not do. As openKeyFile. */
export async function openPrivateKey(path: string, options: KeyFileOptions = {}): Promise<KeyObject> {
  return privateKeyOf(path, await readGuarded(path), options.passphrase);
}

/**
 * Makes a new signing key in a new file (0600): whole, on stable storage, or not there. NS_KEY_FILE_EXISTS where the
 * name is taken: a key is never overwritten.
 */
export async function createKeyFile(path: string, options: NewKeyOptions = {}): Promise<KeyStore> {
  const { passphrase } = options;
  if (passphrase === '') {
    throw new NsError('NS_KEY_PASSPHRASE', 'an empty passphrase protects nothing', { family: 'caller' });
  }
  const { privateKey } =
    (options.algorithm ?? 'Ed25519') === 'Ed25519'
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  await writeNew(path, pemOf(privateKey, passphrase));
  return keyStoreOf(privateKey);
}

async function readGuarded(path: string): Promise<string> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const facts = await file.stat();
      if (!facts.isFile() || facts.size > MAX_BYTES) throw notAKey(path);
      if ((facts.mode & 0o077) !== 0) {
        throw refusedMode(path, `others may use it; run: chmod 600 ${JSON.stringify(path)}`);
      }
      const self = process.geteuid?.();
      if (self !== undefined && facts.uid !== self && facts.uid !== 0) {
        throw refusedMode(path, 'it belongs to another user');
      }
      return await file.readFile('latin1');
    } finally {
      await file.close();
    }
  } catch (error) {
    throw fileFailure(path, 'read', error);
  }
}

function privateKeyOf(path: string, pem: string, passphrase: string | undefined): KeyObject {
  const sealed = pem.includes(SEALED);
  if (!sealed && !pem.includes(PLAIN)) throw notAKey(path);
  if (sealed && passphrase === undefined) {
    throw new NsError('NS_KEY_PASSPHRASE', `the key in ${path} needs a passphrase`, { family: 'caller' });
  }
  try {
    return createPrivateKey({ key: pem, format: 'pem', ...(sealed ? { passphrase } : {}) });
  } catch {
    if (!sealed) throw notAKey(path);
    throw new NsError('NS_KEY_PASSPHRASE', `the passphrase does not open the key in ${path}`, {
      family: 'caller',
    });
  }
}

async function writeNew(path: string, pem: string): Promise<void> {
  const directory = dirname(path);
  const draft = join(directory, `.new-key-${randomBytes(8).toString('hex')}`);
  try {
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(pem);
      await file.sync();
    } finally {
      await file.close();
    }
    // Unlike rename, link fails where the name is taken.
    await link(draft, path);
  } catch (error) {
    throw fileFailure(path, 'write', error);
  } finally {
    await rm(draft, { force: true });
  }
  await syncDirectory(directory);
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function notAKey(path: string): NsError {
  return new NsError('NS_KEY_INVALID', `${path} does not hold a private key in PEM (PKCS #8)`, {
    family: 'caller',
  });
}

function refusedMode(path: string, why: string): NsError {
  return new NsError('NS_KEY_FILE_MODE', `the key file ${path} is not used: ${why}`, { family: 'caller' });
}

function fileFailure(path: string, verb: string, cause: unknown): NsError {
  if (cause instanceof NsError) return cause;
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === 'EEXIST') {
    return new NsError('NS_KEY_FILE_EXISTS', `${path} is there already`, { family: 'caller', cause });
  }
  if (code === 'ENOENT') {
    const what = verb === 'read' ? `there is no key file ${path}` : `there is no directory for ${path}`;
    return new NsError('NS_KEY_FILE_MISSING', what, { family: 'caller', cause });
  }
  return new NsError('NS_KEY_FILE_IO', `cannot ${verb} the key file ${path}: ${String(code)}`, { cause });
}
