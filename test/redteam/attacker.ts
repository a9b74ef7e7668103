import { createHash, randomBytes } from 'node:crypto';
import { toHex } from '../../src/base/index.ts';
import type { KeyStore, PublicKey } from '../../src/ports/index.ts';
import { type DeviceEvent, deviceTopics, type Order } from '../../src/protocol/index.ts';
import { openEvent, signOrder, signToken, type TokenBody } from '../../src/security/index.ts';
import type { SimFleet, SimFleetHost } from '../kit/sim-fleet.ts';
import type { FleetServer } from './server.ts';
import { KEYS, type KeyName, type Person, TENANT } from './site.ts';

const IDLE_MS = 400;
/** Some answers wait for a tool that edits a disk, on a machine that has other work. */
const LAST_MS = 3000;
const PATIENCE_MS = 15_000;
const HOUR = 3600;

/** What hosts said to the packets of one move, by code; receipts of what was done count as their outcome. */
export interface Answers {
  readonly codes: ReadonlyMap<string, number>;
  /** Packets that no host has answered: beyond a rate, junk is only counted. */
  readonly silent: number;
}

type TokenParts = Partial<TokenBody> & Pick<TokenBody, 'epoch' | 'n' | 'device'>;

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** One counter for all: whoever holds the server holds the counters too. */
let counter = 1_000_000;

/** Somebody with the broker, the fleet server, and all private keys but one person's. */
export class Attacker {
  readonly lacks: Person | undefined;
  readonly fleet: SimFleet;
  /** All that the operators' machines have kept. */
  readonly server: FleetServer;
  readonly #only: readonly KeyName[] | undefined;
  readonly #waiting = new Map<string, (code: string) => void>();
  /** The latest of each host. */
  readonly #nonces = new Map<string, Uint8Array>();

  /** `only`: holds these keys and no others. */
  constructor(server: FleetServer, lacks: Person | undefined, only?: readonly KeyName[]) {
    const { fleet } = server;
    this.fleet = fleet;
    this.server = server;
    this.lacks = lacks;
    this.#only = only;
    const byTopic = new Map(fleet.hosts.map((host) => [deviceTopics(TENANT, host.name).evt, host]));
    fleet.broker.hear(({ topic, payload }) => {
      const host = byTopic.get(topic);
      if (host !== undefined && this.#waiting.size > 0) this.#hear(host, payload);
    });
  }

  /** A private key. Throws where the attacker has it not: a move that needs it proves nothing. */
  key(name: KeyName): KeyStore {
    const { person, key } = KEYS[name];
    if (person === this.lacks || this.#only?.includes(name) === false) {
      throw new Error(`the attacker does not hold ${name}`);
    }
    return key;
  }

  publicKey(name: KeyName): PublicKey {
    return KEYS[name].key.publicKey;
  }

  /** An officer whose key is held, and the one whose key may not be. */
  get officer(): 'sam' | 'tess' {
    return this.lacks === 'sam' ? 'tess' : 'sam';
  }

  get otherOfficer(): 'sam' | 'tess' {
    return this.officer === 'sam' ? 'tess' : 'sam';
  }

  /** The root keys that are held, of each person the first. */
  get roots(): readonly KeyName[] {
    const names = ['sam-root', 'tess-root', 'gus-root'] as const;
    return names.filter((name) => KEYS[name].person !== this.lacks);
  }

  /** Higher than all that were used. */
  nextCounter(): number {
    counter += 1;
    return counter;
  }

  /** The body of an order as its issuer would write it. */
  order(by: KeyName, host: SimFleetHost, verb: string, args: object, change: object = {}): Order {
    return {
      v: 1,
      id: new Uint8Array(randomBytes(16)),
      aud: { to: 'device', name: host.name },
      verb,
      args,
      iss: this.publicKey(by).keyId,
      ctr: this.nextCounter(),
      ...(verb === 'machine.disable' || 'nonce' in change
        ? {}
        : { exp: Math.floor(Date.now() / 1000) + HOUR }),
      ...change,
    } as unknown as Order;
  }

  /** A token as the governor signs it. */
  token(body: TokenParts, by: KeyName = 'gus'): Promise<Uint8Array> {
    return this.tokenBy(this.key(by), body);
  }

  /** The same by any key. */
  tokenBy(key: KeyStore, body: TokenParts): Promise<Uint8Array> {
    const whole = { v: 1 as const, for: 'lock' as const, at: Math.floor(Date.now() / 1000), ...body };
    return signToken(whole, key, TENANT);
  }

  /** A nonce that the host has just given out: it does so to whoever comes too late. */
  async nonce(by: KeyName, host: SimFleetHost): Promise<Uint8Array> {
    const late = this.order(by, host, 'machine.status', {}, { exp: 1 });
    await this.strike([host], () => signOrder(late, this.key(by), TENANT));
    const nonce = this.#nonces.get(host.name);
    if (nonce === undefined) throw new Error(`${host.name} gave out no nonce`);
    return nonce;
  }

  /** Gives each host its packets, as the broker, and waits until they are answered or it is clear that they will not be. */
  async strike(
    hosts: readonly SimFleetHost[],
    make: (host: SimFleetHost) => Promise<Uint8Array | readonly Uint8Array[]>,
    how: { readonly retained?: boolean; readonly topic?: 'cmd' | 'evt' | 'blkIn' } = {},
  ): Promise<Answers> {
    const codes = new Map<string, number>();
    let last = performance.now();
    const note = (code: string): void => {
      codes.set(code, (codes.get(code) ?? 0) + 1);
      last = performance.now();
    };
    this.#waiting.clear();
    for (const host of hosts) {
      const made = await make(host);
      const topic = deviceTopics(TENANT, host.name)[how.topic ?? 'cmd'];
      for (const payload of made instanceof Uint8Array ? [made] : made) {
        this.#waiting.set(`${host.name} ${sha256(payload)}`, note);
        this.fleet.broker.push(host.client, { topic, payload, retained: how.retained ?? false });
      }
    }
    await this.fleet.broker.idle();
    last = performance.now();
    // The first answer is worth waiting for; who has not said anything long after the others says nothing.
    const patience = (): number =>
      how.topic !== undefined ? IDLE_MS : codes.size > 0 ? LAST_MS : PATIENCE_MS;
    while (this.#waiting.size > 0 && performance.now() - last < patience()) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const silent = this.#waiting.size;
    this.#waiting.clear();
    return { codes, silent };
  }

  #hear(host: SimFleetHost, packet: Uint8Array): void {
    const opened = openEvent(packet, host.publicKey, { tenant: TENANT });
    if (!opened.ok) return;
    const said = opened.value;
    if ('nonce' in said && said.nonce !== undefined) this.#nonces.set(host.name, said.nonce);
    const answered = answerIn(said);
    if (answered === undefined) return;
    const key = `${host.name} ${toHex(answered.packet)}`;
    this.#waiting.get(key)?.(answered.code);
    this.#waiting.delete(key);
  }
}

function answerIn(said: DeviceEvent): { readonly packet: Uint8Array; readonly code: string } | undefined {
  if (said.event === 'rejected') return { packet: said.packet, code: said.refusal.code };
  if (said.event !== 'receipt') return undefined;
  return { packet: said.order, code: said.refusal?.code ?? said.failure?.code ?? said.outcome };
}
