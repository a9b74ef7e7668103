declare const durationBrand: unique symbol;

/** A length of time in milliseconds. Made only by the functions below, so that a bare number never passes for one. */
export type Duration = number & { readonly [durationBrand]: true };

export const milliseconds = (n: number): Duration => n as Duration;
export const seconds = (n: number): Duration => (n * 1000) as Duration;
export const minutes = (n: number): Duration => (n * 60_000) as Duration;
export const hours = (n: number): Duration => (n * 3_600_000) as Duration;
export const days = (n: number): Duration => (n * 86_400_000) as Duration;

/** "250 ms", "12.5 s", "3 min 4 s", "24 h 0 min", "3 days 2 h". */
export function formatDuration(duration: Duration): string {
  const ms = Math.round(duration);
  if (ms < 1000) return `${ms} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms % 1000 === 0 ? 0 : 1)} s`;
  if (ms < 3_600_000) return pair(ms / 1000, 60, 'min', 's');
  return ms < 172_800_000 ? pair(ms / 60_000, 60, 'h', 'min') : pair(ms / 3_600_000, 24, 'days', 'h');
}

function pair(amount: number, base: number, large: string, small: string): string {
  const whole = Math.floor(amount);
  return `${Math.floor(whole / base)} ${large} ${whole % base} ${small}`;
}
