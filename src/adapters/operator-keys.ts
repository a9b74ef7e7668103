import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { hasCode, NsError, toHex } from '../base/index.ts';
import type { KeyAgreement, KeyStore, PublicKey } from '../ports/index.ts';
import { keyAgreementOf, keyStoreOf } from '../security/index.ts';
import { pemOf } from './sealed-pem.ts';
import { isAgentKey, openAgentKey } from './ssh-agent-keys.ts';

function keyFault(path: string, sentence: string, cause?: unknown): NsError {
  return new NsError('NS_KEY_FILE', `${path}: ${sentence}`, { family: 'caller', cause });
}

/**
 * Makes an Ed25519 key and writes it as PKCS #8 PEM, readable by its owner only, encrypted where there is a
 * passphrase. NS_KEY_FILE where a file of that name is there.
 */
export async function createKeyFile(path: string, passphrase: string | undefined): Promise<KeyStore> {
  const { privateKey } = generateKeyPairSync('ed25519');
  const pem = pemOf(privateKey, passphrase);
  try {
    const handle = await open(path, 'wx', 0o600);
    try {
      await handle.writeFile(pem);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    const there = (error as NodeJS.ErrnoException).code === 'EEXIST';
    throw keyFault(path, there ? 'a file is there already' : 'cannot be written', error);
  }
  return keyStoreOf(privateKey);
}

/**
 * Opens a private key: of a file, or of the ssh-agent. `passphrase` is asked only for an encrypted file. NS_KEY_FILE or
 * NS_KEY_AGENT says what is wrong.
 */
export function openKeyFile(path: string, passphrase: () => Promise<string>): Promise<KeyStore> {
  if (isAgentKey(path)) return openAgentKey(path, process.env);
  return withKey(path, passphrase, keyStoreOf);
}

/** The same key, for release codes. NS_KEY_AGREEMENT where the private key is not in the file, or is of another kind than Ed25519. */
export function openAgreementFile(path: string, passphrase: () => Promise<string>): Promise<KeyAgreement> {
  if (isAgentKey(path)) return Promise.reject(staysElsewhere(path));
  return withKey(path, passphrase, keyAgreementOf, (pem) => {
    if (!pem.includes('PRIVATE KEY')) throw staysElsewhere(path);
  });
}

function staysElsewhere(path: string): NsError {
  return new NsError(
    'NS_KEY_AGREEMENT',
    `${path}: the private key is not in this file; one that stays in ssh-agent or a token signs, and makes no codes`,
    { family: 'caller' },
  );
}

async function withKey<K>(
  path: string,
  passphrase: () => Promise<string>,
  use: (key: KeyObject) => K,
  check: (pem: string) => void = () => undefined,
): Promise<K> {
  let pem: string;
  try {
    if (process.platform !== 'win32' && ((await stat(path)).mode & 0o077) !== 0) {
      throw keyFault(path, `others may read this key; run: chmod 600 ${path}`);
    }
    pem = await readFile(path, 'utf8');
  } catch (error) {
    throw error instanceof NsError ? error : keyFault(path, 'cannot be read', error);
  }
  check(pem);
  const encrypted = pem.includes('ENCRYPTED');
  const secret = encrypted ? await passphrase() : undefined;
  try {
    return use(createPrivateKey({ key: pem, ...(secret === undefined ? {} : { passphrase: secret }) }));
  } catch (error) {
    if (hasCode(error, 'NS_KEY_AGREEMENT')) throw error;
    throw keyFault(
      path,
      encrypted ? 'the passphrase is wrong, or the key is damaged' : 'this is no usable key',
      error,
    );
  }
}

/** A key as a configuration names it: the files of one are relative to its directory. */
export function keyNamed(directory: string, name: string): string {
  return isAgentKey(name) ? name : resolve(directory, name);
}

/**
 * What a key's order counter is named after: its file; for a key that is in the agent,
 * $XDG_STATE_HOME/nightshift/counters/KEYID, ~/.local/state by default.
 */
export function counterPlace(name: string, { keyId }: PublicKey, environment: NodeJS.ProcessEnv): string {
  if (!isAgentKey(name)) return name;
  const state = environment.XDG_STATE_HOME || join(environment.HOME || homedir(), '.local', 'state');
  return join(state, 'nightshift', 'counters', toHex(keyId));
}

const LOCK_PATIENCE = 5000;
const LOCK_STALE = 10_000;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Numbers that one turn at the file takes at most. */
const A_TURN = 256;

/**
 * The order counter of a key, in a file beside it. Each number is given once and they rise, over all programs that use
 * the key; they never fall behind the clock in milliseconds, so that a lost file does no harm. Whoever asks while a turn
 * at the file is on gets a number of the next one, together with all others who wait.
 */
export function fileCounter(keyPath: string): { next(): Promise<number> } {
  const path = `${keyPath}.counter`;
  const waiting: {
    readonly give: (number: number) => void;
    readonly fail: (error: unknown) => void;
  }[] = [];
  let serving = false;
  const serve = async (): Promise<void> => {
    while (waiting.length > 0) {
      const turn = waiting.splice(0, A_TURN);
      try {
        const first = await takeNumbers(path, turn.length);
        for (const [index, { give }] of turn.entries()) give(first + index);
      } catch (error) {
        for (const { fail } of turn) fail(error);
      }
    }
    serving = false;
  };
  return {
    next: () =>
      new Promise((give, fail) => {
        waiting.push({ give, fail });
        if (serving) return;
        serving = true;
        // Whoever asks in the same breath shares the first turn.
        queueMicrotask(() => void serve());
      }),
  };
}

/** Takes so many numbers for good and gives the first. */
async function takeNumbers(path: string, count: number): Promise<number> {
  const lock = `${path}.lock`;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 }).catch(() => undefined);
  await holdLock(lock);
  try {
    const stored = Number(await readFile(path, 'utf8').catch(() => '0'));
    const first = Math.max(Number.isSafeInteger(stored) ? stored + 1 : 0, Date.now());
    const handle = await open(`${path}.new`, 'w', 0o600);
    try {
      await handle.writeFile(`${first + count - 1}\n`);
      await handle.datasync();
    } finally {
      await handle.close();
    }
    await rename(`${path}.new`, path);
    return first;
  } catch (error) {
    throw keyFault(path, 'the order counter cannot be kept', error);
  } finally {
    await rm(lock, { force: true });
  }
}

async function holdLock(lock: string): Promise<void> {
  const end = Date.now() + LOCK_PATIENCE;
  for (;;) {
    try {
      await writeFile(lock, String(process.pid), { flag: 'wx' });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
        throw keyFault(lock, 'cannot be written', error);
      const age = await stat(lock).then(
        (found) => Date.now() - found.mtimeMs,
        () => 0,
      );
      // A number takes milliseconds: whoever holds it for longer is dead.
      if (age > LOCK_STALE) await rm(lock, { force: true });
      else if (Date.now() > end)
        throw keyFault(lock, 'another program holds the counter; remove this file if none runs');
      else await pause(5 + Math.random() * 10);
    }
  }
}
