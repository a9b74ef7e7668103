import type { Registry } from '../../adapters/metrics/registry.ts';
import type { RefusalCode } from '../../base/index.ts';
import type { Clock, Measure, MeasureSink } from '../../ports/index.ts';
import { VERBS } from '../../protocol/index.ts';

const ORDER_SECONDS = [0.01, 0.05, 0.25, 1, 5, 30, 120, 600, 3600];
/** Why packets are refused that nobody with a right has made. */
const FORGED: readonly RefusalCode[] = [
  'SIGNATURE_INVALID',
  'KEY_UNKNOWN',
  'REPLAYED',
  'ENVELOPE_INVALID',
  'ID_CONFLICT',
];
/** Around the board's two seconds. */
const HAND_BACK_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 1.5, 2, 3, 5];

/** What happens on the device, as counters and histograms; every label is of a closed list. */
export class DeviceMeasures implements MeasureSink {
  readonly #metrics: ReturnType<typeof familiesOf>;
  readonly #clock: Clock;
  /** By disk: when it came to where it is. */
  readonly #since = new Map<string, number>();

  constructor(registry: Registry, clock: Clock) {
    this.#metrics = familiesOf(registry);
    this.#clock = clock;
    this.#begin();
    registry.onScrape(() => {
      const now = clock.monotonic();
      for (const [disk, since] of this.#since) this.#metrics.sinceMoved.set((now - since) / 1000, { disk });
    });
  }

  /** What alerts are for is there from the start: the first that is ever counted would not show as an increase. */
  #begin(): void {
    const { orders, rejections, handBacks } = this.#metrics;
    for (const verb of Object.keys(VERBS)) orders.add({ verb, outcome: 'unknown' }, 0);
    for (const code of FORGED) rejections.add({ code }, 0);
    for (const inTime of ['true', 'false']) handBacks.add({ in_time: inTime }, 0);
  }

  take(measure: Measure): void {
    const { orders, durations, codes, rejections, moves, handBacks, handBackTime, gates } = this.#metrics;
    switch (measure.of) {
      case 'order': {
        const { verb, outcome, code, took } = measure;
        orders.add({ verb, outcome });
        durations.observe(took / 1000, { verb });
        if (code !== undefined) codes.add({ outcome, code });
        return;
      }
      case 'rejection':
        rejections.add({ code: measure.code });
        return;
      case 'disk':
        moves.add({ disk: measure.disk, to: measure.at });
        this.#since.set(measure.disk, this.#clock.monotonic());
        return;
      case 'hand-back':
        handBacks.add({ in_time: String(measure.inTime) });
        handBackTime.observe(measure.took / 1000);
        return;
      case 'gate':
        gates.add({ want: measure.want, verdict: measure.code ?? 'allowed' });
        return;
    }
  }
}

function familiesOf(registry: Registry) {
  return {
    orders: registry.counter(
      'nightshift_orders_total',
      'Accepted orders that have their receipt, by how they ended.',
      ['verb', 'outcome'],
    ),
    durations: registry.histogram(
      'nightshift_order_duration_seconds',
      'From taking an order in to its end, waiting for its turn included.',
      ORDER_SECONDS,
      ['verb'],
    ),
    codes: registry.counter(
      'nightshift_order_codes_total',
      'Accepted orders that were not done, by the code in their receipt.',
      ['outcome', 'code'],
    ),
    rejections: registry.counter(
      'nightshift_orders_rejected_total',
      'Packets that never became an order, by why.',
      ['code'],
    ),
    moves: registry.counter(
      'nightshift_disk_moves_total',
      'Where the switch of a disk came to, as it confirmed.',
      ['disk', 'to'],
    ),
    sinceMoved: registry.gauge(
      'nightshift_disk_moved_age_seconds',
      'Since the switch of the disk moved last: how long it has been taken, or back.',
      ['disk'],
    ),
    handBacks: registry.counter(
      'nightshift_hand_backs_total',
      'Times that a disk was brought home because the host woke, was disabled, or the agent started or stopped.',
      ['in_time'],
    ),
    handBackTime: registry.histogram(
      'nightshift_hand_back_seconds',
      "How long bringing a disk home took; the board's hand-back time is the limit.",
      HAND_BACK_SECONDS,
    ),
    gates: registry.counter(
      'nightshift_gate_verdicts_total',
      'What the gate said of volumes that orders meant.',
      ['want', 'verdict'],
    ),
  };
}
