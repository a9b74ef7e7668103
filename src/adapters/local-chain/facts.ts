import {
  type DeviceIdentity,
  numberOfReason,
  numberOfState,
  type Ptddc,
  reasonOf,
  type UnitFacts,
} from '../../sata-chain/index.ts';

/** What a unit in this process tells the others of itself. */
export function factsOf(unit: Ptddc, drive: DeviceIdentity): UnitFacts {
  const { dsi, csi, sectors } = unit.registers();
  const { t } = unit.state;
  return {
    epoch: t.record.epoch,
    drive:
      sectors === 0
        ? undefined
        : { model: drive.model, serial: drive.serial, sectors: drive.sectors, sectorSize: drive.sectorSize },
    dsi,
    csi,
    state: numberOfState(t.state),
    fault: numberOfReason(reasonOf(t)),
  };
}
