import { HOST_PHY, type HostPhyState } from '../../../src/sata-chain/phy/host-phy.ts';
import { type Phy, sstatusOf } from '../../../src/sata-chain/phy/phy.ts';
import { isUp } from '../../../src/sata-chain/phy/table.ts';
import { CSI, DSI } from '../../../src/sata-chain/registers/chain-registers.ts';
import { SSTATUS } from '../../../src/sata-chain/registers/scr.ts';
import { readRegisters } from '../../../src/sata-chain/unit/read-registers.ts';
import type { Unit } from '../../../src/sata-chain/unit/unit.ts';

/** What a unit at rest tells in its registers, and its host in SStatus, against what there is: a host, a drive, nothing below. */
export function wrongRegisters(unit: Unit, host: Phy<HostPhyState>, there: boolean): string | undefined {
  const hostUp = isUp(HOST_PHY, host);
  const { csi, dsi, presentedSectors } = readRegisters(unit);
  const chain = CSI.decode(csi);
  const own = DSI.decode(dsi);
  const { det } = SSTATUS.decode(sstatusOf(host, hostUp));
  const dark = !unit.power || unit.t.state === 'T7' || unit.t.state === 'T8';
  if (dark && det !== 0) return `the host sees DET ${det} of a unit in ${unit.t.state}`;
  if (!unit.power) return undefined;
  const both = host.line === 'run' && unit.pti.line === 'run';
  if (both !== hostUp) return `the host rests at ${host.state}`;
  if (chain.upPhy !== hostUp) return 'CSI is wrong about the link above';
  if (chain.downPhy || chain.downPresent || chain.unitsBelow !== 0) return 'CSI tells of units below';
  if (unit.t.state === 'T7') return undefined;
  if (!chain.endOfChain) return 'CSI misses the end of the chain';
  if (own.phyReady !== there || own.identified !== there) return 'DSI is wrong about the drive';
  if (chain.held !== (unit.t.state === 'T2H')) return 'CSI is wrong about the hold';
  if (chain.speedUp !== (hostUp ? host.rate : 0)) return 'CSI is wrong about the rate above';
  const serves = unit.t.state === 'T4' && hostUp;
  if (presentedSectors > 0 !== (serves && there))
    return `${presentedSectors} sectors presented in ${unit.t.state}`;
  return undefined;
}
