import { phyMachine } from './step.ts';
import type { PhyTable } from './table.ts';

/** DP1-DP11 as in the SATA specification; Q, A and D as in the host's table. */
export type DevicePhyState =
  | 'DP1'
  | 'DP2'
  | 'DP3'
  | 'DP3B'
  | 'DP4'
  | 'DP5'
  | 'DP6'
  | 'DP7'
  | 'DP7Q'
  | 'DP7A'
  | 'DP7D'
  | 'DP8'
  | 'DP9'
  | 'DP10'
  | 'DP11';

const READY = ['DP7', 'DP7Q', 'DP7A', 'DP7D', 'DP8', 'DP9'] as const;
const NOT_RESET = ['DP2', 'DP3', 'DP3B', 'DP4', 'DP5', 'DP6', 'DP10', 'DP11', ...READY] as const;
const HANDSHAKE = ['DP3', 'DP3B', 'DP4', 'DP5', 'DP6', 'DP10', 'DP11'] as const;

/** The machine of a port towards a host: PTI, and a drive. COMRESET is heard as the waveform COMINIT. */
export const DEVICE_PHY: PhyTable<DevicePhyState> = {
  initial: 'DP1',
  ready: new Set(READY),
  loss: (level) => level === 'idle' || level === 'D10.2' || level === 'COMWAKE',
  code: {
    DP1: 0,
    DP2: 1,
    DP3: 2,
    DP3B: 3,
    DP4: 4,
    DP5: 5,
    DP6: 6,
    DP7: 7,
    DP8: 8,
    DP9: 9,
    DP10: 10,
    DP11: 11,
    DP7Q: 12,
    DP7A: 13,
    DP7D: 14,
  },
  entry: {
    DP1: { send: 'idle', fresh: true },
    DP2: { send: 'COMINIT', timer: 'burst', fresh: true },
    DP3: { send: 'idle', timer: 'retry or parked' },
    DP3B: { send: 'idle', timer: 'retry' },
    DP4: { send: 'idle' },
    DP5: { send: 'COMWAKE', timer: 'burst' },
    DP6: { send: 'ALIGN', timer: 'rate' },
    DP7: { send: 'SYNC' },
    DP7Q: { send: 'PMREQ', timer: 'retry' },
    DP7A: { send: 'PMACK', timer: 'acknowledge' },
    DP7D: { send: 'PMNAK', timer: 'retry' },
    DP8: { send: 'idle' },
    DP9: { send: 'idle' },
    DP10: { send: 'idle' },
    DP11: { send: 'idle', timer: 'retry or parked', fresh: true },
  },
  rows: [
    { from: READY, on: 'COMINIT', do: ['N', 'COMRESET'], to: 'DP1' },
    { from: NOT_RESET, on: 'COMINIT', do: ['COMRESET'], to: 'DP1' },
    { from: READY, on: 'FORCE_COMINIT', do: ['N'], to: 'DP2' },
    { from: HANDSHAKE, on: 'FORCE_COMINIT', to: 'DP2' },
    { from: 'DP1', on: 'no COMINIT', to: 'DP2' },
    { from: 'DP2', on: 'timer', to: 'DP3' },
    { from: 'DP3', on: 'COMWAKE', do: ['W'], to: 'DP3B' },
    { from: 'DP3', on: 'timer', do: ['count'], to: 'DP2' },
    { from: 'DP3B', on: 'no COMWAKE', guard: 'was asleep', to: 'DP5' },
    { from: 'DP3B', on: 'no COMWAKE', to: 'DP4' },
    { from: 'DP3B', on: 'timer', do: ['N if asleep', 'count'], to: 'DP11' },
    { from: 'DP4', on: 'at once', to: 'DP5' },
    { from: 'DP5', on: 'timer', do: ['fastest rate'], to: 'DP6' },
    { from: 'DP6', on: 'ALIGN at this rate', do: ['N', 'ready'], to: 'DP7' },
    { from: 'DP6', on: 'timer', to: 'DP10' },
    { from: 'DP10', on: 'at once', guard: 'slower rate left', do: ['slower rate'], to: 'DP6' },
    { from: 'DP10', on: 'at once', do: ['N if asleep'], to: 'DP11' },
    { from: 'DP11', on: 'timer', do: ['count'], to: 'DP2' },
    { from: ['DP7', 'DP7Q', 'DP7D'], on: 'loss', do: ['N'], to: 'DP11' },
    { from: 'DP7', on: 'partial', do: ['ask partial'], to: 'DP7Q' },
    { from: 'DP7', on: 'slumber', do: ['ask slumber'], to: 'DP7Q' },
    // Where both ask at once the device gives way.
    { from: ['DP7', 'DP7Q'], on: 'PMREQ', guard: 'sleep allowed', do: ['take request'], to: 'DP7A' },
    { from: 'DP7', on: 'PMREQ', to: 'DP7D' },
    { from: 'DP7Q', on: 'PMACK', guard: 'wanted partial', do: ['fall asleep'], to: 'DP8' },
    { from: 'DP7Q', on: 'PMACK', guard: 'wanted slumber', do: ['fall asleep'], to: 'DP9' },
    { from: 'DP7Q', on: 'PMNAK', do: ['forget request'], to: 'DP7' },
    { from: 'DP7Q', on: 'timer', do: ['forget request'], to: 'DP7' },
    { from: 'DP7A', on: 'timer', guard: 'wanted partial', do: ['fall asleep'], to: 'DP8' },
    { from: 'DP7A', on: 'timer', guard: 'wanted slumber', do: ['fall asleep'], to: 'DP9' },
    { from: 'DP7D', on: 'SYNC', to: 'DP7' },
    { from: 'DP7D', on: 'timer', to: 'DP7' },
    { from: ['DP8', 'DP9'], on: 'wake', to: 'DP5' },
    { from: ['DP8', 'DP9'], on: 'COMWAKE', do: ['W'], to: 'DP3B' },
  ],
};

export const stepDevicePhy = phyMachine(DEVICE_PHY);
