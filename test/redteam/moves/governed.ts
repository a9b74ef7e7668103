import { asNsError, toHex } from '../../../src/base/index.ts';
import { newLedger, nextEpoch, type TokenLedger, takeTokens } from '../../../src/fleet/index.ts';
import { signOrder, signToken } from '../../../src/security/index.ts';
import type { SimFleetHost } from '../../kit/sim-fleet.ts';
import type { Answers, Attacker } from '../attacker.ts';
import type { Move } from '../move.ts';
import { KEYS, TENANT } from '../site.ts';

/** How many tokens the fleet server has, signed for hosts and not yet used. */
export const UNUSED = 3;
/** Of each kind and epoch: what devices and governor take where nothing else is said. */
export const LIMIT = 10;
/** After all that hosts have seen. */
const EPOCH = 6;

/** The governor's own program: it signs for whoever asks, as far as its ledger goes, and nobody has its key. */
class Governor {
  #ledger: TokenLedger;

  constructor(epoch: number) {
    const owner = { tenant: TENANT, governor: toHex(KEYS.gus.key.publicKey.keyId) };
    this.#ledger = newLedger(owner, { lock: LIMIT, wipe: LIMIT }, epoch, now());
  }

  async sign(host: SimFleetHost): Promise<Uint8Array> {
    const { ledger, bodies } = takeTokens(this.#ledger, 'lock', [host.name], now());
    this.#ledger = ledger;
    return signToken(bodies[0]!, KEYS.gus.key, TENANT);
  }

  /** The next epoch, a day early. */
  begin(): void {
    this.#ledger = nextEpoch(this.#ledger, now(), false);
  }
}

const now = () => Math.floor(Date.now() / 1000);

/** By tokens that were got, each for its host. */
type Purse = Map<SimFleetHost, Uint8Array>;
const found: Purse = new Map();
const asked: Purse = new Map();
const service = new Governor(EPOCH + 1);

const disable = (a: Attacker, host: SimFleetHost, token: Uint8Array) =>
  signOrder(a.order('sam', host, 'machine.disable', { reason: 'stolen' }, { token }), a.key('sam'), TENANT, [
    a.key('tess'),
  ]);

function used(words: string, purse: Purse, fails: readonly string[]): Move {
  return {
    words,
    fails,
    run: (a) => a.strike([...purse.keys()], (host) => disable(a, host, purse.get(host)!)),
  };
}

/** Every token at every host that it is not for. */
function elsewhere(words: string, purse: Purse): Move {
  return {
    words,
    fails: ['TOKEN_INVALID', 'TOKEN_SPENT'],
    run: (a, hosts) => {
      const tokens = [...purse.values()];
      return a.strike(hosts, (host) => disable(a, host, tokens[host.name.length % tokens.length]!));
    },
  };
}

const answer = (code: string, count = 1): Answers => ({ codes: new Map([[code, count]]), silent: 0 });

/** Two security keys, and tokens that the governor signed before the attack. */
export const FOUND_MOVES: readonly Move[] = [
  {
    words: `${UNUSED} tokens lie unused on the fleet server: they are used`,
    fails: ['succeeded'],
    run: async (a, hosts) => {
      found.clear();
      const governor = new Governor(EPOCH);
      for (const host of hosts.slice(-UNUSED)) found.set(host, await governor.sign(host));
      return a.strike([...found.keys()], (host) => disable(a, host, found.get(host)!));
    },
  },
  used('the same tokens once more, by other orders', found, ['TOKEN_SPENT']),
  elsewhere('the same tokens at all other hosts', found),
];

/** Two security keys, and a governor who signs what is asked, up to the limit. */
export const ASKED_MOVES: readonly Move[] = [
  {
    words: 'the governor is asked for a token for every host',
    fails: ['succeeded'],
    run: async (a, hosts) => {
      asked.clear();
      for (const host of hosts) {
        const token = await service.sign(host).catch((error: unknown) => {
          if (asNsError(error).code !== 'NS_BUDGET_SPENT') throw error;
        });
        if (token !== undefined) asked.set(host, token);
      }
      return a.strike([...asked.keys()], (host) => disable(a, host, asked.get(host)!));
    },
  },
  used('the same tokens once more', asked, ['TOKEN_SPENT']),
  elsewhere('the same tokens at all other hosts', asked),
  {
    words: 'the governor is asked to begin the next epoch at once',
    fails: ['NS_EPOCH_TOO_SOON'],
    run: async () => {
      try {
        service.begin();
        return answer('begun');
      } catch (error) {
        return answer(asNsError(error).code);
      }
    },
  },
];
