declare const nanosecondBrand: unique symbol;

/** Time in the phy models: whole nanoseconds since the scheduler began, or a length of time. */
export type Nanoseconds = number & { readonly [nanosecondBrand]: true };

export const nanoseconds = (n: number): Nanoseconds => n as Nanoseconds;
export const microseconds = (n: number): Nanoseconds => (n * 1000) as Nanoseconds;
export const millis = (n: number): Nanoseconds => (n * 1_000_000) as Nanoseconds;

/** The injected clock of every machine here. Nothing fires inside `after` itself; equal times fire in the order of asking. */
export interface Scheduler {
  now(): Nanoseconds;
  /** Calls once after the delay, unless cancelled by the function returned. */
  after(delay: Nanoseconds, fire: () => void): () => void;
}
