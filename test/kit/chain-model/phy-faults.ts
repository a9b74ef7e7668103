import { DEVICE_PHY, type DevicePhyState } from '../../../src/sata-chain/phy/device-phy.ts';
import { HOST_PHY, type HostPhyState } from '../../../src/sata-chain/phy/host-phy.ts';
import type { PhyRow, PhyTable } from '../../../src/sata-chain/phy/table.ts';
import type { LinkTables } from './link-view.ts';

/** Tables of a link with one change that must not go unnoticed. */
export interface PhyFault {
  readonly name: string;
  readonly tables: LinkTables;
}

function changed<S extends string>(
  table: PhyTable<S>,
  state: S,
  on: PhyRow<S>['on'],
  by: Partial<PhyRow<S>> | undefined,
): PhyTable<S> {
  const at = table.rows.findIndex(
    (row) => row.on === on && (row.from === state || (Array.isArray(row.from) && row.from.includes(state))),
  );
  if (at < 0) throw new RangeError(`no row from ${state} on ${on}`);
  const rows = table.rows.flatMap((row, i) =>
    i !== at ? [row] : by === undefined ? [] : [{ ...row, ...by }],
  );
  return { ...table, rows };
}

const host = (
  name: string,
  state: HostPhyState,
  on: PhyRow<HostPhyState>['on'],
  by?: Partial<PhyRow<HostPhyState>>,
): PhyFault => ({ name, tables: { host: changed(HOST_PHY, state, on, by), device: DEVICE_PHY } });

const device = (
  name: string,
  state: DevicePhyState,
  on: PhyRow<DevicePhyState>['on'],
  by?: Partial<PhyRow<DevicePhyState>>,
): PhyFault => ({ name, tables: { host: HOST_PHY, device: changed(DEVICE_PHY, state, on, by) } });

export const PHY_FAULTS: readonly PhyFault[] = [
  host('a ready host is deaf to COMINIT', 'HP8', 'COMINIT'),
  host('COMINIT in a handshake counts as unsolicited', 'HP5', 'COMINIT', { do: ['X', 'N', 'unsolicited'] }),
  host('a host does not try again', 'HP5', 'timer'),
  host('a ready host does not notice silence', 'HP8', 'loss'),
  device('a device does not go down to a slower rate', 'DP10', 'at once'),
  device('a ready device does not notice silence', 'DP7', 'loss'),
  device('a device begins at the slowest rate', 'DP5', 'timer', { do: [] }),
  device('a device does not send COMINIT again', 'DP3', 'timer', { to: 'DP3' }),
  device('a device that lost the signal stays silent', 'DP11', 'timer', { to: 'DP11' }),
];
