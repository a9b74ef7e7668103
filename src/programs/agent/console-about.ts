import { ownNetwork } from '../../adapters/own-network.ts';
import { qrModules } from '../../adapters/qr-code.ts';
import { toHex } from '../../base/index.ts';
import { type ConsoleCommand, drawQr, paged } from '../../console/index.ts';
import type { BusState, Clock, MessageBus, Stop } from '../../ports/index.ts';
import { publicKeyText, type TechnicianSession } from '../../security/index.ts';
import { timeText } from '../../show/index.ts';
import { type Hands, showEnd, usage } from './console-hands.ts';
import type { ConsoleOrderParts } from './console-order.ts';
import { mayNow, type StandingParts } from './console-standing.ts';
import type { RecentLog } from './recent-log.ts';

/** How the connection to the broker stands, since when, and what was wrong last. */
export class BrokerLink {
  readonly #clock: Pick<Clock, 'wallSeconds'>;
  readonly #stop: Stop;
  #state: BusState | undefined;
  #since: number;
  #wrong: { readonly reason: string; readonly at: number } | undefined;

  constructor(bus: Pick<MessageBus, 'onState'>, clock: Pick<Clock, 'wallSeconds'>) {
    this.#clock = clock;
    this.#since = clock.wallSeconds();
    this.#stop = bus.onState((state) => this.#take(state));
  }

  get up(): boolean {
    return this.#state?.is === 'up';
  }

  get lines(): readonly string[] {
    const since = timeText(this.#since);
    return [
      `state:     ${this.up ? 'connected' : 'NOT CONNECTED'} since ${since}`,
      ...(this.#wrong === undefined
        ? []
        : [`last said: ${this.#wrong.reason.slice(0, MOST_REASON)} (${timeText(this.#wrong.at)})`]),
    ];
  }

  close(): void {
    this.#stop();
  }

  #take(state: BusState): void {
    const now = this.#clock.wallSeconds();
    if (this.#state?.is !== state.is) this.#since = now;
    this.#state = state;
    if (state.is === 'down') this.#wrong = { reason: state.reason, at: now };
  }
}

export interface ConsoleAboutParts extends ConsoleOrderParts, StandingParts {
  readonly link: BrokerLink;
  readonly recent: RecentLog;
  /** Its URL, as it was configured. */
  readonly broker: string;
}

const MOST_REASON = 300;
const LOG_LINES = 40;

export const LOGS_COMMAND = {
  name: 'logs',
  says: 'the last lines of the log of this device',
  usage: 'logs [LINES]',
  details: ['40 lines, or so many; at most 500 are kept, and none of before a restart.'],
} as const;

export const NETWORK_COMMAND = {
  name: 'network',
  says: 'own addresses, the broker, and what is wrong with the way to it',
} as const;

/** Whoever may see how the machine stands may see these. */
async function allowed(
  parts: ConsoleAboutParts,
  session: TechnicianSession,
  { talk }: Hands,
): Promise<boolean> {
  const may = mayNow(parts, session, 'machine.status', {});
  if (!may.ok) await showEnd(talk, 'machine.status', { is: 'refused', refusal: may.refusal });
  return may.ok;
}

export async function showLogs(
  parts: ConsoleAboutParts,
  session: TechnicianSession,
  hands: Hands,
  [count = String(LOG_LINES), ...more]: readonly string[],
): Promise<void> {
  if (more.length > 0 || !/^[1-9]\d{0,2}$/.test(count)) throw usage('logs takes a number of lines');
  if (await allowed(parts, session, hands)) await paged(hands.talk, parts.recent.last(Number(count)));
}

export async function showNetwork(
  parts: ConsoleAboutParts,
  session: TechnicianSession,
  hands: Hands,
): Promise<void> {
  if (!(await allowed(parts, session, hands))) return;
  const { interfaces, gateways, nameServers } = await ownNetwork();
  await paged(hands.talk, [
    ...interfaces.flatMap(({ name, link, hardware, addresses }) => [
      `${name}: ${link === 'down' ? 'NO LINK' : link}, ${hardware}`,
      ...(addresses.length === 0 ? ['  no address'] : addresses.map((address) => `  ${address}`)),
    ]),
    ...(interfaces.length === 0 ? ['no network interface'] : []),
    `gateway:   ${gateways.join(', ') || 'none'}`,
    `names by:  ${nameServers.join(', ') || 'nobody'}`,
    `broker:    ${withoutSecrets(parts.broker)}`,
    ...parts.link.lines,
  ]);
}

/** A URL may hold a name and a password. */
function withoutSecrets(url: string): string {
  try {
    const { protocol, host } = new URL(url);
    return `${protocol}//${host}`;
  } catch {
    return 'not a URL';
  }
}

/** What the fleet side has to know of this device before it can be given orders. All of it is public. */
export function enrolCommand({
  identity: { device, tenant },
  deviceKey,
}: Pick<ConsoleOrderParts, 'identity' | 'deviceKey'>): ConsoleCommand {
  return {
    name: 'enrol',
    says: "this device's key, for the fleet's configuration",
    details: ['As text, by which it is taken in; the QR code has the key alone.'],
    run: async (talk) => {
      // With the name it would not fit 79 columns.
      for (const row of drawQr(qrModules(publicKeyText(deviceKey)))) talk.print(row);
      talk.print();
      talk.say(`Device ${device} of the tenant ${tenant}, key id ${grouped(toHex(deviceKey.keyId))}.`);
      talk.say('The QR code says its key. What is typed at the desk:');
      talk.print();
      talk.print('  nightshift device add \\');
      talk.print(`    '${device}: ${publicKeyText(deviceKey)}'`);
      talk.print();
      talk.say('Compare the key id with what "nightshift-agent --identity" or a second person says.');
    },
  };
}

const grouped = (hex: string): string => hex.match(/.{1,4}/g)?.join(' ') ?? '';
