import { randomInt } from 'node:crypto';
import { FallbackBus } from '../../adapters/chain-link/fallback-bus.ts';
import { RelayBus } from '../../adapters/chain-link/relay-bus.ts';
import { RelayGateway } from '../../adapters/chain-link/relay-gateway.ts';
import { shareRelay } from '../../adapters/chain-link/shared-relay.ts';
import { systemEntropy } from '../../adapters/entropy.ts';
import { systemScheduler } from '../../adapters/system-scheduler.ts';
import { asNsError, bytes, MiB, seconds } from '../../base/index.ts';
import type { ChainLink, Clock, LogSink, MessageBus, StateStore } from '../../ports/index.ts';
import { RelayNode } from '../../sata-chain/index.ts';
import { openLink } from '../chain-links.ts';
import type { LinkAddress } from '../link-address.ts';
import type { RelayConfig } from './config.ts';

export interface DeviceRelayParts {
  readonly config: RelayConfig;
  readonly tenant: string;
  readonly device: string;
  /** The device's own connection to the broker. */
  readonly own: MessageBus;
  /** Another connection, with a session of its own at the broker; asked for where there are neighbours to stand for. */
  readonly gatewayBus: (log: LogSink) => MessageBus;
  readonly store: StateStore;
  readonly clock: Clock;
  readonly log: LogSink;
}

/** The device's part in carrying orders and receipts along the chain. */
export interface DeviceRelay {
  /** By the own connection, and where that stays away by the neighbours. */
  readonly bus: MessageBus;
  /** True while the own connection has been away for so long that neighbours speak for this device. */
  readonly byNeighbour: () => boolean;
  /** Stands for the neighbours from now on. */
  start(): Promise<void>;
  /** After the bus. What is held goes on at the next start. */
  close(): Promise<void>;
}

/** Envelopes for each MiB of the spool. */
const HELD_PER_MIB = 16;

/** Opens the links and the relay between them; `bus` is not started yet. */
export async function openDeviceRelay(parts: DeviceRelayParts): Promise<DeviceRelay> {
  const { config, tenant, device, own, store, clock, log } = parts;
  const scheduler = systemScheduler();
  const opened = await Promise.all(config.links.map((address) => linkOrNone(address, parts, scheduler)));
  const links = opened.filter((link) => link !== undefined);
  const node = await RelayNode.open({
    self: device,
    gateway: config.for,
    links,
    store,
    scheduler,
    clock,
    entropy: systemEntropy,
    log,
    newIncarnation: () => randomInt(1, 2 ** 32),
    mostHeld: config.spoolMiB * HELD_PER_MIB,
    mostBytes: bytes(config.spoolMiB * MiB),
  });
  const { orders, events } = shareRelay(node);
  const bus = new FallbackBus({
    own,
    chain: new RelayBus(async () => orders, tenant, device),
    clock,
    log,
    grace: seconds(config.afterSeconds),
  });
  const gateway =
    config.for.length === 0
      ? undefined
      : new RelayGateway({
          // Its lines look like those of the device's own connection.
          bus: parts.gatewayBus({ log: (level, event, fields) => log.log(level, `relay-${event}`, fields) }),
          node: events,
          tenant,
          devices: config.for,
          clock,
          log,
        });
  return {
    bus,
    byNeighbour: () => bus.away,
    start: async () => {
      if (gateway !== undefined) await gateway.start();
      else events.start(() => Promise.resolve());
    },
    close: async () => {
      await gateway?.close();
      await node.close();
      await Promise.all(links.map((link) => link.close()));
    },
  };
}

/** A link that cannot be opened keeps no device from starting. */
async function linkOrNone(
  address: LinkAddress,
  { clock, log }: DeviceRelayParts,
  scheduler: ReturnType<typeof systemScheduler>,
): Promise<ChainLink | undefined> {
  try {
    return await openLink(address, { scheduler, clock, log });
  } catch (error) {
    log.log('error', 'relay-link-failed', { error: asNsError(error).message });
    return undefined;
  }
}
