import { phyMachine } from './step.ts';
import type { PhyTable } from './table.ts';

/**
 * HP1-HP11 as in the SATA specification, and of the link layer's power management what the phy can see: Q asked to
 * sleep, A acknowledges, D denies.
 */
export type HostPhyState =
  | 'HP1'
  | 'HP2'
  | 'HP2B'
  | 'HP3'
  | 'HP4'
  | 'HP5'
  | 'HP5B'
  | 'HP6'
  | 'HP7'
  | 'HP8'
  | 'HP8Q'
  | 'HP8A'
  | 'HP8D'
  | 'HP9'
  | 'HP10'
  | 'HP11';

const ACTIVE = ['HP8', 'HP8Q', 'HP8D'] as const;
const READY = ['HP8', 'HP8Q', 'HP8A', 'HP8D', 'HP9', 'HP10'] as const;

/** The machine of a port towards a device: PTO, DDI, and the port of a host. */
export const HOST_PHY: PhyTable<HostPhyState> = {
  initial: 'HP1',
  ready: new Set(READY),
  loss: (level) => level === 'idle' || level === 'D10.2' || level === 'COMWAKE' || level.startsWith('ALIGN'),
  code: {
    HP1: 0,
    HP2: 1,
    HP2B: 2,
    HP3: 3,
    HP4: 4,
    HP5: 5,
    HP5B: 6,
    HP6: 7,
    HP7: 8,
    HP8: 9,
    HP9: 10,
    HP10: 11,
    HP11: 12,
    HP8Q: 13,
    HP8A: 14,
    HP8D: 15,
  },
  entry: {
    HP1: { send: 'COMINIT', timer: 'burst', fresh: true, unseen: true },
    HP2: { send: 'idle', timer: 'retry or parked' },
    HP2B: { send: 'idle', timer: 'retry', fresh: true },
    HP3: { send: 'idle' },
    HP4: { send: 'COMWAKE', timer: 'burst' },
    HP5: { send: 'idle', timer: 'retry' },
    HP5B: { send: 'idle', timer: 'retry' },
    HP6: { send: 'D10.2', timer: 'align' },
    HP7: { send: 'ALIGN', timer: 'keep' },
    HP8: { send: 'SYNC' },
    HP8Q: { send: 'PMREQ', timer: 'retry' },
    HP8A: { send: 'PMACK', timer: 'acknowledge' },
    HP8D: { send: 'PMNAK', timer: 'retry' },
    HP9: { send: 'idle' },
    HP10: { send: 'idle' },
    HP11: { send: 'D10.2', timer: 'keep' },
  },
  rows: [
    { from: READY, on: 'FORCE_RESET', do: ['N'], to: 'HP1' },
    { from: 'any', on: 'FORCE_RESET', to: 'HP1' },
    { from: 'any', on: 'HOLD_RESET', do: ['no timer'], to: 'HP1' },
    { from: 'HP1', on: 'RELEASE', to: 'HP2' },
    { from: 'HP1', on: 'timer', to: 'HP2' },
    { from: 'HP2', on: 'COMINIT', do: ['X'], to: 'HP2B' },
    { from: 'HP2', on: 'timer', do: ['count'], to: 'HP1' },
    { from: 'HP2B', on: 'no COMINIT', to: 'HP3' },
    { from: 'HP2B', on: 'timer', do: ['count'], to: 'HP1' },
    // A COMINIT in the middle of a handshake is the device's answer to an earlier COMRESET, or its power-on: not a change.
    { from: ['HP3', 'HP4', 'HP5', 'HP5B', 'HP6', 'HP7', 'HP11'], on: 'COMINIT', do: ['X'], to: 'HP2B' },
    { from: READY, on: 'COMINIT', do: ['X', 'N', 'unsolicited'], to: 'HP2B' },
    { from: 'HP3', on: 'at once', to: 'HP4' },
    { from: 'HP4', on: 'timer', to: 'HP5' },
    { from: 'HP5', on: 'COMWAKE', do: ['W'], to: 'HP5B' },
    { from: 'HP5', on: 'timer', do: ['count', 'N if asleep'], to: 'HP1' },
    { from: 'HP5B', on: 'no COMWAKE', to: 'HP6' },
    { from: 'HP5B', on: 'timer', do: ['count', 'N if asleep'], to: 'HP1' },
    { from: 'HP6', on: 'ALIGN', do: ['take rate'], to: 'HP11' },
    { from: 'HP11', on: 'at once', to: 'HP7' },
    { from: 'HP7', on: 'SYNC at this rate', do: ['N', 'ready'], to: 'HP8' },
    { from: 'HP7', on: 'ALIGN at another rate', do: ['take rate'], to: 'HP11' },
    { from: ['HP6', 'HP7'], on: 'timer', do: ['count', 'N if asleep'], to: 'HP1' },
    { from: ACTIVE, on: 'loss', do: ['N'], to: 'HP1' },
    { from: 'HP8', on: 'partial', do: ['ask partial'], to: 'HP8Q' },
    { from: 'HP8', on: 'slumber', do: ['ask slumber'], to: 'HP8Q' },
    { from: 'HP8', on: 'PMREQ', guard: 'sleep allowed', do: ['take request'], to: 'HP8A' },
    { from: 'HP8', on: 'PMREQ', to: 'HP8D' },
    { from: 'HP8Q', on: 'PMACK', guard: 'wanted partial', do: ['fall asleep'], to: 'HP9' },
    { from: 'HP8Q', on: 'PMACK', guard: 'wanted slumber', do: ['fall asleep'], to: 'HP10' },
    { from: 'HP8Q', on: 'PMNAK', do: ['forget request'], to: 'HP8' },
    { from: 'HP8Q', on: 'timer', do: ['forget request'], to: 'HP8' },
    { from: 'HP8A', on: 'timer', guard: 'wanted partial', do: ['fall asleep'], to: 'HP9' },
    { from: 'HP8A', on: 'timer', guard: 'wanted slumber', do: ['fall asleep'], to: 'HP10' },
    { from: 'HP8D', on: 'SYNC', to: 'HP8' },
    { from: 'HP8D', on: 'timer', to: 'HP8' },
    { from: ['HP9', 'HP10'], on: 'wake', to: 'HP4' },
    { from: ['HP9', 'HP10'], on: 'COMWAKE', do: ['W'], to: 'HP5B' },
  ],
};

export const stepHostPhy = phyMachine(HOST_PHY);
