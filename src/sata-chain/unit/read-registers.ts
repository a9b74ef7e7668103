import { DEVICE_PHY } from '../phy/device-phy.ts';
import { HOST_PHY } from '../phy/host-phy.ts';
import { type Phy, sstatusOf } from '../phy/phy.ts';
import { isUp, type PhyTable } from '../phy/table.ts';
import { membersOf } from '../pttrsm/guards.ts';
import { foundAt } from '../pttrsm/side.ts';
import { CSI, DSI, ISR } from '../registers/chain-registers.ts';
import type { Unit } from './unit.ts';

/** One port as a register read shows it. */
export interface PortRegisters {
  readonly isr: number;
  readonly sstatus: number;
  readonly scontrol: number;
  readonly serror: number;
}

/** All that a unit shows. The 32-bit words are laid out in registers/. */
export interface UnitRegisters {
  readonly dsi: number;
  readonly csi: number;
  /** Of the drive; 0 without one. */
  readonly sectors: number;
  readonly serial: string;
  readonly sectorsBelow: number;
  /** 0 while nothing is presented. */
  readonly presentedSectors: number;
  readonly pti: PortRegisters;
  readonly pto: PortRegisters;
  readonly ddi: PortRegisters;
}

export function readRegisters(unit: Unit): UnitRegisters {
  const { t, pti, pto, ddi } = unit;
  const drive = foundAt(t.local);
  const rest = foundAt(t.below);
  const members = membersOf(t);
  const ptiUp = isUp(DEVICE_PHY, pti);
  const ptoUp = isUp(HOST_PHY, pto);
  const ddiUp = isUp(HOST_PHY, ddi);
  const epoch = t.record.epoch % 256;
  return {
    dsi: DSI.encode({
      present: ddi.seen,
      phyReady: ddiUp,
      signature: t.local.is === 'asked' || drive !== undefined,
      identified: drive !== undefined,
      speed: ddiUp ? ddi.rate : 0,
      failed: t.local.is === 'failed',
      locked: t.record.locked,
      changed: t.changed && !(t.uses.local && drive !== undefined),
      epoch,
    }),
    csi: CSI.encode({
      upPhy: ptiUp,
      downPresent: pto.seen,
      downPhy: ptoUp,
      downReady: rest !== undefined,
      endOfChain: t.below.is === 'absent' && unit.power && t.state !== 'T7',
      degraded:
        t.record.degraded === true ||
        rest?.degraded === true ||
        t.missing !== null ||
        (t.uses.local && !drive) ||
        (t.uses.below && !rest),
      changed: t.changed,
      held: t.state === 'T2H',
      unitsBelow: Math.min(255, rest?.units ?? 0),
      speedUp: ptiUp ? pti.rate : 0,
      speedDown: ptoUp ? pto.rate : 0,
      epoch,
    }),
    sectors: drive?.sectors ?? 0,
    serial: drive?.serial ?? '',
    sectorsBelow: rest?.sectors ?? 0,
    presentedSectors: t.signed ? (members.local?.sectors ?? 0) + (members.below?.sectors ?? 0) : 0,
    pti: portRegisters(DEVICE_PHY, pti),
    pto: portRegisters(HOST_PHY, pto),
    ddi: portRegisters(HOST_PHY, ddi),
  };
}

function portRegisters<S extends string>(table: PhyTable<S>, phy: Phy<S>): PortRegisters {
  return {
    isr: ISR.encode({
      state: table.code[phy.state],
      unsolicited: phy.shadow.unsolicited,
      seen: phy.seen,
      lastOob: phy.shadow.lastOob,
      retries: Math.min(63, phy.retries),
    }),
    sstatus: sstatusOf(phy, isUp(table, phy)),
    scontrol: phy.scontrol,
    serror: phy.shadow.serror,
  };
}
