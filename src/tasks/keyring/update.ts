import { allow, refuse, seconds, toHex } from '../../base/index.ts';
import type { ResultOf } from '../../protocol/index.ts';
import type { KeyringHolder, SignedKeyring } from '../../security/index.ts';
import type { EffectFacts, TaskKind } from '../task.ts';

function noteOf(
  { document, hash }: SignedKeyring,
  changed: boolean,
  dryRun: boolean,
): ResultOf<'keyring.update'> {
  return { version: document.version, hash, changed, dryRun, keys: document.keys.length };
}

/** What the storage says counts, whatever was in memory when the effect was cut off. */
async function reread(
  keyring: KeyringHolder,
  { hash, version }: EffectFacts,
): Promise<{ readonly fate: 'absent' | 'done' | 'unknown'; readonly signed?: SignedKeyring }> {
  if (!(hash instanceof Uint8Array) || typeof version !== 'number') return { fate: 'unknown' };
  const inForce = await keyring.reread();
  if (inForce.source === 'damaged') return { fate: 'unknown' };
  if (inForce.source === 'local') return { fate: 'absent' };
  const { signed } = inForce;
  if (toHex(signed.hash) === toHex(hash)) return { fate: 'done', signed };
  // A later one is in force: whether this one was before it cannot be told any more.
  return { fate: signed.document.version < version ? 'absent' : 'unknown' };
}

/**
 * Puts a signed keyring in force, at once and for orders that wait too. Whoever carries it decides nothing: the
 * document is judged by its own signatures. The same document again is a no-op.
 */
export const keyringUpdate: TaskKind<'keyring.update'> = {
  verb: 'keyring.update',
  pace: 'instant',
  pure: false,
  whileDisabled: true,
  deadline: seconds(60),
  noProgress: seconds(60),
  fate: async (facts, { keyring }) =>
    keyring === undefined ? 'unknown' : (await reread(keyring, facts)).fate,
  async resultOf(_order, facts, { keyring }) {
    const found = keyring && (await reread(keyring, facts));
    if (found?.signed === undefined) throw new Error('the keyring that was put in force is not there');
    return noteOf(found.signed, true, false);
  },
  async run({ args, iss }, { services, effect }) {
    const { keyring, audit, clock } = services;
    if (keyring === undefined) return refuse('NOT_SUPPORTED');
    const judged = keyring.judge(args.document);
    if (!judged.ok) return judged;
    const { signed, changed } = judged.value;
    const dryRun = args.dryRun === true;
    if (dryRun || !changed) return allow(noteOf(signed, changed, dryRun));
    const { hash, document } = signed;
    return effect({ hash, version: document.version }, async () => {
      const done = await keyring.update(args.document);
      if (!done.ok) return done;
      const detail = `version ${document.version} sha256 ${toHex(hash)}`;
      await audit.append({ at: clock.wallSeconds(), event: 'keyring.in-force', by: iss, detail });
      return allow(noteOf(done.value.signed, done.value.changed, false));
    });
  },
};
