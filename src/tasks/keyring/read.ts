import { allow, refuse, seconds } from '../../base/index.ts';
import type { TaskKind } from '../task.ts';

/** Which keyring is in force, with the document itself where there is one. */
export const keyringRead: TaskKind<'keyring.read'> = {
  verb: 'keyring.read',
  pace: 'instant',
  pure: true,
  whileDisabled: true,
  deadline: seconds(15),
  noProgress: seconds(15),
  async run(_order, { services: { keyring } }) {
    if (keyring === undefined) return refuse('NOT_SUPPORTED');
    const { inForce } = keyring;
    const keys = keyring.current
      .entries()
      .map(({ name, person, role, keyId }) => ({ name: name.slice(0, 64), person, role, keyId }));
    if (inForce.source !== 'document') return allow({ source: inForce.source, keys });
    const { bytes, signed } = inForce;
    return allow({
      source: 'document',
      version: signed.document.version,
      hash: signed.hash,
      document: bytes,
      keys,
    });
  },
};
