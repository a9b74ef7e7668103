import type { ClockNote, ResultOf } from '../../src/protocol/index.ts';

/** What a healthy device answers to machine.status. */
export function statusResult(clock?: ClockNote): ResultOf<'machine.status'> {
  return {
    device: 'host1',
    board: 'sim-host',
    version: '0.0.0',
    boot: new Uint8Array(16),
    uptimeSeconds: 5,
    power: { state: 'S5', certain: true, sources: {} },
    lock: { state: 'enabled', version: 0, inForce: [] },
    disks: [],
    tasks: { running: 0, queued: 0 },
    limits: [],
    ...(clock === undefined ? {} : { clock }),
  };
}
