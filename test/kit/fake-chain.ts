import { allow, type Verdict } from '../../src/base/index.ts';
import {
  buildReport,
  type ChainAction,
  type ChainControl,
  type ChainReport,
  type ChainSyncReport,
  CSI,
  DSI,
  numberOfReason,
  numberOfState,
  type UnitFacts,
} from '../../src/sata-chain/index.ts';
import { CHAIN, SyncBench } from './chain-state.ts';

/** Registers of a unit that runs with a drive on a link of the third generation. */
export const RUNNING: Partial<UnitFacts> = {
  dsi: DSI.encode({ present: true, phyReady: true, signature: true, identified: true, speed: 3, epoch: 1 }),
  csi: CSI.encode({ upPhy: true, downPresent: true, downPhy: true, speedUp: 3, speedDown: 2, epoch: 1 }),
  state: numberOfState('T4'),
};

/** Registers of a unit that waits for what is missing below. */
export const HOLDING: Partial<UnitFacts> = {
  csi: CSI.encode({ upPhy: true, held: true, speedUp: 3, epoch: 1 }),
  state: numberOfState('T2H'),
  fault: numberOfReason('missing-below'),
};

/** A chain of units that keep their tables but have no drives to speak of: reports are real, actions are noted. */
export class FakeChain implements ChainControl {
  readonly disk: string;
  readonly bench: SyncBench;
  readonly actions: (ChainAction | undefined)[] = [];

  constructor(count: number, disk = 'disk0') {
    this.disk = disk;
    this.bench = new SyncBench(count);
    for (let at = 0; at < count; at += 1) this.bench.change(at, RUNNING);
    this.bench.seconds(2);
  }

  /** The tail loses what was below it. */
  hold(): void {
    this.bench.change(this.bench.units.length - 1, HOLDING);
    this.bench.seconds(2);
  }

  report(): ChainReport {
    const { sync, unit } = this.bench.units[0]!;
    const held = this.bench.units.some(({ facts }) => facts.state === HOLDING.state);
    return buildReport({
      disk: this.disk,
      chain: CHAIN,
      head: unit,
      rows: sync.table.rows(),
      findings: sync.findings(),
      inStep: sync.inStep,
      presentedSectors: held ? 0 : this.bench.units.reduce((sum, { facts }) => sum + facts.drive!.sectors, 0),
    });
  }

  async status(): Promise<ChainReport> {
    return this.report();
  }

  async sync(action: ChainAction | undefined): Promise<Verdict<ChainSyncReport>> {
    this.actions.push(action);
    const { findings, inStep } = this.report();
    return allow({
      disk: this.disk,
      inStep,
      updated: [{ unit: this.bench.units[0]!.unit, position: 0, what: 'drive arrived' }],
      findings,
      ...(action === undefined ? {} : { done: `${action.do} was done` }),
    });
  }
}
