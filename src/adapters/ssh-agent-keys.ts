import { verify } from 'node:crypto';
import { type Duration, seconds } from '../base/index.ts';
import type { KeyStore, PublicKey } from '../ports/index.ts';
import { verifyingKey } from '../security/index.ts';
import { askAgent } from './ssh-agent/socket.ts';
import {
  type AgentIdentity,
  agentFault,
  askForKeys,
  askToSign,
  readKeys,
  readSignature,
} from './ssh-agent/wire.ts';

const PREFIX = 'ssh-agent:';
/** More keys than this are not listed in a message. */
const LISTED = 8;

export interface AgentPatience {
  readonly list: Duration;
  /** Somebody may have to touch a token, or to type a PIN. */
  readonly sign: Duration;
}

const PATIENCE: AgentPatience = { list: seconds(10), sign: seconds(120) };

/** Whether the name of a key means one in the agent: "ssh-agent:SHA256:…", or "ssh-agent:" and its comment. */
export function isAgentKey(name: string): boolean {
  return name.startsWith(PREFIX);
}

/**
 * A key that stays in ssh-agent: a key file's, or one of a PKCS#11 token that was added with `ssh-add -s`. Every
 * signature is checked before it is used. NS_KEY_AGENT says which keys there are where none is meant, or more than one.
 */
export async function openAgentKey(
  name: string,
  environment: NodeJS.ProcessEnv,
  patience: AgentPatience = PATIENCE,
): Promise<KeyStore> {
  const path = environment.SSH_AUTH_SOCK;
  if (path === undefined || path === '') {
    throw agentFault('none runs here: SSH_AUTH_SOCK is not set, so its key cannot sign');
  }
  const keys = readKeys(await askAgent(path, askForKeys(), patience.list));
  const identity = choose(keys, name.slice(PREFIX.length));
  const { publicKey } = identity;
  if (publicKey === undefined) throw unfit(identity);
  return {
    publicKey,
    sign: async (data, signal) => {
      const answer = await askAgent(path, askToSign(identity.blob, data), patience.sign, signal);
      const signature = readSignature(answer, identity);
      if (!isSignedBy(publicKey, data, signature)) {
        throw agentFault(`what it signed is not by ${identity.fingerprint}`);
      }
      return signature;
    },
  };
}

function choose(keys: readonly AgentIdentity[], wanted: string): AgentIdentity {
  const named = keys.filter(({ fingerprint, comment }) =>
    wanted.startsWith('SHA256:') ? fingerprint === wanted : comment === wanted,
  );
  // One key may be there as a file's and as a token's.
  const meant = [...new Map(named.map((key) => [key.fingerprint, key])).values()];
  const [one, another] = meant;
  if (one !== undefined && another === undefined) return one;
  const which =
    another === undefined ? `it has no key "${wanted}"` : `it has ${meant.length} keys "${wanted}"`;
  throw agentFault(`${which}; name one of: ${listOf(keys)}`);
}

function listOf(keys: readonly AgentIdentity[]): string {
  if (keys.length === 0) return 'nothing: it has no keys; see ssh-add';
  const shown = keys
    .slice(0, LISTED)
    .map(
      ({ fingerprint, comment, publicKey }) =>
        `${PREFIX}${fingerprint} (${comment}${publicKey === undefined ? ', signs no orders' : ''})`,
    );
  return `${shown.join(', ')}${keys.length > LISTED ? ', …' : ''}`;
}

function unfit({ kind, fingerprint }: AgentIdentity): Error {
  const why = kind.startsWith('sk-')
    ? 'a security key signs other bytes than those it is given, which no device accepts'
    : 'orders are signed by Ed25519 or P-256';
  return agentFault(`${fingerprint} is a key of the kind ${kind}: ${why}`);
}

function isSignedBy(key: PublicKey, data: Uint8Array, signature: Uint8Array): boolean {
  const by = verifyingKey(key);
  return key.algorithm === 'Ed25519'
    ? verify(null, data, by, signature)
    : verify('sha256', data, { key: by, dsaEncoding: 'ieee-p1363' }, signature);
}
