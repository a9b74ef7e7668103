import { NsError } from '../base/index.ts';
import { NAME } from '../protocol/index.ts';
import { publicKeyFromText, publicKeyText } from '../security/index.ts';
import { MAX_HOSTS } from './host-range.ts';

/** Enough to see what was meant, of text that may be anything. */
const SHOWN = 60;

function usage(line: string, cause?: unknown): NsError {
  return new NsError(
    'NS_USAGE',
    `${JSON.stringify(line.slice(0, SHOWN))} is no device and its key; take what "nightshift-agent --identity" prints there, such as "rack1: ed25519:…"`,
    { family: 'caller', cause },
  );
}

/** Device names and public keys, a line each, as devices print them: "rack1: ed25519:…". NS_USAGE. */
export function readIdentities(text: string): ReadonlyMap<string, string> {
  const identities = new Map<string, string>();
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  for (const line of lines.filter((line) => line !== '' && !line.startsWith('#'))) {
    const [, name = '', written = ''] = /^([^\s:]+)\s*:\s*(\S+)$/.exec(line) ?? [];
    let key: string;
    try {
      if (!NAME.test(name)) throw new Error('no name');
      key = publicKeyText(publicKeyFromText(written));
    } catch (cause) {
      throw usage(line, cause);
    }
    const before = identities.get(name);
    if (before !== undefined && before !== key)
      throw new NsError('NS_USAGE', `"${name}" is given with two keys`, { family: 'caller' });
    identities.set(name, key);
    if (identities.size > MAX_HOSTS)
      throw new NsError('NS_USAGE', `more than ${MAX_HOSTS} devices`, { family: 'caller' });
  }
  if (identities.size === 0) throw usage(text.trim());
  return identities;
}
