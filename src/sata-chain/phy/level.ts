/** Link rate: 1 is 1.5 Gb/s, 2 is 3 Gb/s, 3 is 6 Gb/s. */
export type Generation = 1 | 2 | 3;

/**
 * What one transmitter puts on its pair, as the receiver can tell it apart. COMRESET and COMINIT are one waveform;
 * its direction says which it is. ALIGN and SYNC come at a rate; SYNC stands for all that is not ALIGN once the phy is
 * ready. PMREQ_P, PMREQ_S, PMACK and PMNAK are the power management primitives.
 */
export type Level =
  | 'idle'
  | 'COMINIT'
  | 'COMWAKE'
  | 'D10.2'
  | `ALIGN${Generation}`
  | `SYNC${Generation}`
  | 'PMREQ_P'
  | 'PMREQ_S'
  | 'PMACK'
  | 'PMNAK';

/** One end of a cable at the level of signals. In order, after a delay; a receiver hears changes only. */
export interface Wire {
  transmit(level: Level): void;
  onLevel(listener: (level: Level) => void): () => void;
}
