import { deviceTopics, type Order } from '../../src/protocol/index.ts';
import { draftOrder, signOrder, signToken, type TokenBody } from '../../src/security/index.ts';
import type { SimFleet, SimFleetHost } from '../kit/sim-fleet.ts';
import { Attacker } from './attacker.ts';
import { KEYS, OTHER_TENANT, TENANT } from './site.ts';

const now = () => Math.floor(Date.now() / 1000);

/** What one host went through before the attack, as the fleet server has it. */
export interface Past {
  readonly host: SimFleetHost;
  /** Given, obeyed, and undone by `enable`. */
  readonly disable: Uint8Array;
  readonly enable: Uint8Array;
  /** Signed by both officers before these, and never delivered: a broker kept it back. */
  readonly heldBack: Uint8Array;
  /** Of an order to disable, older than these: signed by sam alone, and by tess alone. */
  readonly drafts: Readonly<Record<'sam' | 'tess', Uint8Array>>;
  readonly tokens: {
    /** Used up by `disable`. */
    readonly spent: Uint8Array;
    /** For this host, never used, and of an epoch long past. */
    readonly old: Uint8Array;
    /** For this host, for deleting. */
    readonly wipe: Uint8Array;
    /** For this host, with a number above the limit: the governor's program would not sign it, its key can. */
    readonly above: Uint8Array;
  };
}

/** Epochs of the time before the attack. */
const OLD = 1;
const LATE = 5;
/** The highest of an epoch, kept for the last of what owners do. */
const LAST_NUMBER = 10;
const MOST_HEARD = 64;

/**
 * The fleet server: orders, drafts, tokens and counters of the time before the attack. Its people were honest; it holds no
 * private key.
 */
export class FleetServer {
  readonly fleet: SimFleet;
  readonly past: Past[] = [];
  readonly #owner: Attacker;
  /** By topic: what hosts with a past have said. */
  readonly #heard = new Map<string, Uint8Array[]>();
  #ctr = 1000;

  constructor(fleet: SimFleet) {
    this.fleet = fleet;
    fleet.broker.hear(({ topic, payload }) => {
      const kept = this.#heard.get(topic);
      if (kept !== undefined && kept.length < MOST_HEARD) kept.push(payload);
    });
    this.#owner = new Attacker(this, undefined);
  }

  /** Lives through a disable and an enable at each of these hosts. */
  async live(hosts: readonly SimFleetHost[]): Promise<void> {
    for (const [i, host] of hosts.entries()) {
      this.#heard.set(deviceTopics(TENANT, host.name).evt, []);
      const token = (body: Partial<TokenBody>) =>
        signToken(
          { v: 1, epoch: LATE, for: 'lock', n: i + 1, device: host.name, at: now(), ...body },
          KEYS.gus.key,
          TENANT,
        );
      const spent = await token({});
      const disabled = async (by: 'sam' | 'tess', change: object): Promise<Order> =>
        this.#body(host, by, 'machine.disable', change);
      const heldBack = await this.#signed(await disabled('sam', { token: await token({ n: 7 + i }) }));
      const drafts = {
        sam: await draftOrder(
          await disabled('sam', { token: await token({ epoch: LATE - 1, n: 1 + i }) }),
          KEYS.sam.key,
          TENANT,
        ),
        tess: await draftOrder(
          await disabled('tess', { token: await token({ epoch: LATE - 1, n: 4 + i }) }),
          KEYS.tess.key,
          TENANT,
        ),
      };
      const disable = await this.#signed(await disabled('sam', { token: spent }));
      await this.#obeyed(host, disable);
      const enable = await this.#signed(this.#body(host, 'sam', 'machine.enable', {}));
      await this.#obeyed(host, enable);
      // And one that tess began: what she has signed before is overtaken.
      const again = this.#body(host, 'tess', 'machine.disable', { token: await token({ n: 4 + i }) });
      await this.#obeyed(host, await signOrder(again, KEYS.tess.key, TENANT, [KEYS.sam.key]));
      const release = this.#body(host, 'tess', 'machine.enable', {});
      await this.#obeyed(host, await signOrder(release, KEYS.tess.key, TENANT, [KEYS.sam.key]));
      this.past.push({
        host,
        disable,
        enable,
        heldBack,
        drafts,
        tokens: {
          spent,
          old: await token({ epoch: OLD, n: 1 + i }),
          wipe: await token({ for: 'wipe', n: 1 + i }),
          above: await token({ n: 1000 + i }),
        },
      });
    }
  }

  /** The owners disable a host once more; gives their order to enable it again, which is not delivered yet. */
  async disabled(host: SimFleetHost): Promise<{ readonly id: Uint8Array; readonly enable: Uint8Array }> {
    const n = LAST_NUMBER;
    const body = { v: 1 as const, epoch: LATE, for: 'lock' as const, n, device: host.name, at: now() };
    const token = await signToken(body, KEYS.gus.key, TENANT);
    await this.#obeyed(
      host,
      await this.#signed(
        this.#body(host, 'sam', 'machine.disable', { token, ctr: this.#owner.nextCounter() }),
      ),
    );
    const order = this.#body(host, 'sam', 'machine.enable', { ctr: this.#owner.nextCounter() });
    return { id: order.id, enable: await this.#signed(order) };
  }

  /** All that a host with a past has said, as it travelled. */
  heard(host: SimFleetHost): readonly Uint8Array[] {
    return this.#heard.get(deviceTopics(TENANT, host.name).evt) ?? [];
  }

  /** What both officers signed for a machine of the same name, of another tenant. */
  async ofOtherTenant(host: SimFleetHost): Promise<Uint8Array> {
    const { sam, tess, gus } = KEYS;
    const at = now();
    const token = await signToken(
      { v: 1, epoch: LATE, for: 'lock', n: 1, device: host.name, at },
      gus.key,
      OTHER_TENANT,
    );
    const body = this.#body(host, 'sam', 'machine.disable', { token });
    return signOrder(body, sam.key, OTHER_TENANT, [tess.key]);
  }

  #body(host: SimFleetHost, by: 'sam' | 'tess', verb: string, change: object): Order {
    this.#ctr += 1;
    return this.#owner.order(by, host, verb, { reason: 'stolen' }, { ctr: this.#ctr, ...change });
  }

  async #signed(order: Order): Promise<Uint8Array> {
    return signOrder(order, KEYS.sam.key, TENANT, [KEYS.tess.key]);
  }

  async #obeyed(host: SimFleetHost, packet: Uint8Array): Promise<void> {
    const { codes } = await this.#owner.strike([host], async () => packet);
    if (codes.get('succeeded') !== 1) {
      throw new Error(`before the attack, ${host.name} did not obey its owners: ${[...codes.keys()].join()}`);
    }
  }
}
