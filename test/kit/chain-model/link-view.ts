import type { DevicePhyState } from '../../../src/sata-chain/phy/device-phy.ts';
import type { HostPhyState } from '../../../src/sata-chain/phy/host-phy.ts';
import type { Generation, Level } from '../../../src/sata-chain/phy/level.ts';
import type { Phy, PhyNotice } from '../../../src/sata-chain/phy/phy.ts';
import type { PhyTable } from '../../../src/sata-chain/phy/table.ts';

/** Rates and refusals of sleep of both ends. */
export interface LinkEnds {
  readonly host: Generation;
  readonly device: Generation;
  readonly hostDenies: 0 | 1 | 2 | 3;
  readonly deviceDenies: 0 | 1 | 2 | 3;
}

/**
 * On a cable nothing else happens before a level has arrived (nanoseconds). On a long link, a ChainLink between
 * processes, whole bursts are shorter than the way.
 */
export interface LinkKind {
  readonly wire: 'cable' | 'long';
  /** Either side may ask for sleep. */
  readonly sleep: boolean;
  /** Levels may be overwritten before they are heard. */
  readonly loss: boolean;
}

export interface LinkTables {
  readonly host: PhyTable<HostPhyState>;
  readonly device: PhyTable<DevicePhyState>;
}

/** What the machines above the phys hear of one step. */
export interface LinkNotices {
  readonly host: readonly PhyNotice[];
  readonly device: readonly PhyNotice[];
}

/** A link at one moment, for those who look at it. */
export interface LinkView {
  readonly host: Phy<HostPhyState>;
  readonly device: Phy<DevicePhyState>;
  readonly hostUp: boolean;
  readonly deviceUp: boolean;
  /** Levels under way, oldest first. */
  readonly down: readonly Level[];
  readonly up: readonly Level[];
  readonly cutDown: boolean;
  readonly cutUp: boolean;
  /** A signal was lost while rates were tried: the next link may be slower than it need be. */
  readonly spoilt: boolean;
  /** The device started anew while the host believed the link to be up. */
  readonly stale: boolean;
  /** A signal of the device was lost while the host's port slept: nothing on the wire can tell the host. */
  readonly blind: boolean;
}
