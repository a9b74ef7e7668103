import { cosignOrder, draftOrder, signKeyring, signOrder } from '../../../src/security/index.ts';
import { testKey } from '../../kit/keys.ts';
import type { SimFleetHost } from '../../kit/sim-fleet.ts';
import type { Answers, Attacker } from '../attacker.ts';
import { goodToken } from '../move.ts';
import { grantOf, IN_FORCE, keyring, TENANT } from '../site.ts';

/** Something that nobody keeps an attacker from, and that docs/security.md says so of. */
export interface Stated {
  readonly words: string;
  /** At a host that is not counted, which it disables. */
  readonly run: (everything: Attacker, host: SimFleetHost) => Promise<Answers>;
  /** What the host must be given back by, beside being enabled. */
  readonly mend?: (everything: Attacker, host: SimFleetHost) => Promise<Answers>;
}

const signed = (a: Attacker, by: 'sam' | 'tess', host: SimFleetHost, verb: string, change: object = {}) =>
  signOrder(a.order(by, host, verb, {}, change), a.key(by), TENANT, [a.key(by === 'sam' ? 'tess' : 'sam')]);

const give = (a: Attacker, host: SimFleetHost, packet: Promise<Uint8Array>): Promise<Answers> =>
  a.strike([host], () => packet);

/** People whom a thief of all root keys has made up. */
const made = { mallory: testKey(), eve: testKey(), trudy: testKey() };
let version = IN_FORCE;

async function enrol(a: Attacker, host: SimFleetHost, more: ReturnType<typeof grantOf>[]): Promise<Answers> {
  version += 1;
  const roots = (['sam-root', 'tess-root', 'gus-root'] as const).map((name) => a.key(name));
  const document = await signKeyring(keyring({ version, keys: [...keyring().keys, ...more] }), roots);
  return give(a, host, signOrder(a.order('sam', host, 'keyring.update', { document }), a.key('sam'), TENANT));
}

export const STATED: readonly Stated[] = [
  {
    words: 'a draft that the missing officer did sign, with its token, is finished by the other',
    run: async (a, host) => {
      const order = a.order('tess', host, 'machine.disable', {}, { token: await goodToken(a, host) });
      const draft = await draftOrder(order, a.key('tess'), TENANT);
      return give(a, host, cosignOrder(draft, a.key('sam'), TENANT));
    },
  },
  {
    words: "an order to disable that the broker kept back, behind another officer's release",
    run: async (a, host) => {
      const keptBack = await signed(a, 'sam', host, 'machine.disable', { token: await goodToken(a, host) });
      const again = { token: await goodToken(a, host) };
      await give(a, host, signed(a, 'tess', host, 'machine.disable', again));
      await give(a, host, signed(a, 'tess', host, 'machine.enable'));
      return give(a, host, Promise.resolve(keptBack));
    },
  },
  {
    words: 'root keys up to the threshold: new officers, a new governor, and whatever they sign',
    run: async (a, host) => {
      await enrol(a, host, [
        grantOf('mallory', 'mallory', 'security', made.mallory),
        grantOf('eve', 'eve', 'security', made.eve),
        grantOf('trudy', 'trudy', 'governor', made.trudy),
      ]);
      const { epoch, n } = { epoch: 1_000_000, n: 1 };
      const token = await a.tokenBy(made.trudy, { epoch, n, device: host.name });
      const iss = made.mallory.publicKey.keyId;
      const order = a.order('sam', host, 'machine.disable', {}, { token, iss });
      return give(a, host, signOrder(order, made.mallory, TENANT, [made.eve]));
    },
    mend: (a, host) => enrol(a, host, []),
  },
];
