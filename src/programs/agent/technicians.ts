import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { systemEntropy } from '../../adapters/entropy.ts';
import { NsError, sentenceOf, toHex } from '../../base/index.ts';
import type { StateStore } from '../../ports/index.ts';
import {
  addTechnician,
  type Enrolled,
  KeyringHolder,
  publicKeyFromText,
  readTechnicians,
  removeTechnician,
} from '../../security/index.ts';
import type { AgentConfig } from './config.ts';

type Config = Pick<AgentConfig, 'device' | 'tenant' | 'state' | 'keyring' | 'keyringRoots'>;

const LARGEST_INPUT = 4096;
const KEY_ID_BYTES = 8;

/** The first line of a stream: a password that is in no command line. NS_TECHNICIAN where it is a terminal, which would show it. */
export async function firstLine(
  input: AsyncIterable<Uint8Array> & { readonly isTTY?: boolean },
): Promise<string> {
  if (input.isTTY === true) {
    throw unfit(
      'the password comes by a pipe, so that no terminal shows it: (read -rs p; echo "$p") | nightshift-agent …',
    );
  }
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of input) {
    text += decoder.decode(chunk, { stream: true });
    if (text.includes('\n') || text.length > LARGEST_INPUT) break;
  }
  return text.split(/\r?\n/)[0] ?? '';
}

/** Adds a technician to this device, running or not. What is to be done with the key, in lines. */
export async function technicianAdded(config: Config, name: string, password: string): Promise<string> {
  const { device, state } = config;
  const key = await addTechnician(documentsIn(state), { name, password }, systemEntropy);
  const entry = [`name: ${name}@${device}`, `person: ${name}`, 'role: technician', `key: ${key}`];
  const yaml = entry.map((line, i) => `${i === 0 ? '- ' : '  '}${line}`);
  return [
    `"${name}" can log in at the console of ${device} now, and order nothing before the keyring says so.`,
    `Put these lines into a file ${name}@${device}.pub:`,
    '',
    ...yaml,
    '',
    'and enrol it for this device alone, then sign and publish the keyring as always:',
    '',
    `  nightshift keyring add KEYRING ${name}@${device}.pub --hosts ${device}`,
    '',
    ...((await keysOf(config)).source === 'local'
      ? [
          'This device has no keyring document yet: here the lines can also stand under "keyring" in the',
          'configuration of the agent, which then has to be started again, with this line more:',
          '',
          `  scopes: [{ hosts: [${device}] }]`,
          '',
        ]
      : []),
  ].join('\n');
}

/** Takes a technician off this device. NS_TECHNICIAN where there is none of this name. */
export async function technicianRemoved({ device, state }: Config, name: string): Promise<string> {
  const store = documentsIn(state);
  const known = (await readTechnicians(store)).find((technician) => technician.name === name);
  if (known === undefined || !(await removeTechnician(store, name)))
    throw unfit(`${device} has no technician "${name}"`);
  return [
    `"${name}" cannot log in at ${device} any more; whoever is logged in stays so until he leaves.`,
    'The key is gone from this device. Take it out of the keyring too:',
    '',
    `  nightshift keyring revoke KEYRING ${name}@${device}`,
    '',
  ].join('\n');
}

/** Who may log in, and what the keyring in force knows of each key. */
export async function technicianList(config: Config): Promise<string> {
  const list = await readTechnicians(documentsIn(config.state));
  if (list.length === 0) return `${config.device} has no technicians\n`;
  const keys = await keysOf(config);
  const lines = list.map(({ name, publicKey }) => {
    const { keyId } = publicKeyFromText(publicKey);
    const id = toHex(keyId.subarray(0, KEY_ID_BYTES));
    return `${name}  key ${id}  ${standing(keys, keyId)}\n`;
  });
  return lines.join('');
}

interface KnownKeys {
  readonly source: 'local' | 'document' | 'damaged';
  readonly version?: number;
  readonly lookup: (keyId: Uint8Array) => Enrolled | undefined;
}

const KEYRINGS = { local: 'the local keyring', damaged: 'the keyring, which is DAMAGED' } as const;

function standing({ source, version, lookup }: KnownKeys, keyId: Uint8Array): string {
  const which = source === 'document' ? `keyring version ${version}` : KEYRINGS[source];
  const enrolled = lookup(keyId);
  if (enrolled === undefined) return `not in ${which}: may log in, and order nothing`;
  return `enrolled as ${enrolled.role} "${enrolled.name}" in ${which}`;
}

/** The keyring in force. Reads, and mends nothing: the store may be a running agent's. */
async function keysOf({ tenant, state, keyring: local, keyringRoots: roots }: Config): Promise<KnownKeys> {
  const { readDocument } = documentsIn(state);
  const store = { readDocument, writeDocument: async () => undefined };
  const { current, inForce } = await KeyringHolder.open({ store, tenant, local, roots });
  const lookup = (keyId: Uint8Array): Enrolled | undefined => current.lookup(keyId);
  return inForce.source === 'document'
    ? { source: 'document', version: inForce.signed.document.version, lookup }
    : { source: inForce.source, lookup };
}

/**
 * Documents of a state directory that may be a running agent's: what is half made lies under a name that nobody else uses, and two
 * that write at once are told so.
 */
function documentsIn(directory: string): Pick<StateStore, 'readDocument' | 'writeDocument'> {
  return {
    readDocument: async (name) => {
      try {
        return new Uint8Array(await readFile(join(directory, name)));
      } catch (error) {
        if (isCode(error, 'ENOENT')) return undefined;
        throw failed(directory, error);
      }
    },
    writeDocument: async (name, bytes) => {
      const draft = join(directory, `.new.${name}`);
      try {
        await mkdir(directory, { recursive: true, mode: 0o700 });
        await create(draft, bytes).catch((cause: unknown) => {
          if (isCode(cause, 'EEXIST')) throw busy(draft);
          throw cause;
        });
        await rename(draft, join(directory, name));
        const handle = await open(directory, 'r');
        try {
          await handle.sync();
        } finally {
          await handle.close();
        }
      } catch (cause) {
        throw failed(directory, cause);
      }
    },
  };
}

async function create(path: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(path, 'wx', 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
}

const isCode = (error: unknown, code: string): boolean =>
  (error as NodeJS.ErrnoException | undefined)?.code === code;

function busy(draft: string): NsError {
  const sentence = `somebody else is changing the technicians, or was cut off: then remove ${draft}`;
  return new NsError('NS_STATE_IN_USE', sentence, { family: 'caller' });
}

function failed(directory: string, cause: unknown): NsError {
  if (cause instanceof NsError) return cause;
  return new NsError('NS_STATE_IO', `${directory}: ${sentenceOf(cause)}`, { cause });
}

function unfit(sentence: string): NsError {
  return new NsError('NS_TECHNICIAN', sentence, { family: 'caller' });
}
