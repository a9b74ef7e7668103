import { register } from './layout.ts';

/** SStatus (SCR0): DET 0 nothing, 1 device seen but no phy, 3 phy ready, 4 offline; SPD a generation; IPM 1 active, 2 partial, 6 slumber. */
export const SSTATUS = register({ det: [3, 0], spd: [7, 4], ipm: [11, 8] });

/** SControl (SCR2): DET 0 run, 1 reset, 4 offline; SPD 0 or the highest generation; IPM bit 0 no partial, bit 1 no slumber; SPM 1 partial, 2 slumber, 4 active. */
export const SCONTROL = register({ det: [3, 0], spd: [7, 4], ipm: [11, 8], spm: [15, 12], pmp: [19, 16] });

/** SError (SCR1), named by the letters of the specification. Each bit stays until 1 is written to it. */
export const SERROR = register({
  recoveredData: 0,
  recoveredComm: 1,
  data: 8,
  comm: 9,
  protocol: 10,
  internal: 11,
  /** PhyRdy changed. */
  N: 16,
  I: 17,
  /** COMWAKE seen. */
  W: 18,
  B: 19,
  D: 20,
  C: 21,
  H: 22,
  S: 23,
  T: 24,
  F: 25,
  /** COMINIT seen: the device may be another one. */
  X: 26,
});

export const SERROR_N = SERROR.encode({ N: true });
export const SERROR_W = SERROR.encode({ W: true });
export const SERROR_X = SERROR.encode({ X: true });
