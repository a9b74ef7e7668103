declare const durationBrand: unique symbol;

/** A length of time in milliseconds. Made only by the functions below, so that a bare number never passes for one. */
export type Duration = number & { readonly [durationBrand]: true };

export const milliseconds = (n: number): Duration => n as Duration;
export const seconds = (n: number): Duration => (n * 1000) as Duration;
export const minutes = (n: number): Duration => (n * 60_000) as Duration;
export const hours = (n: number): Duration => (n * 3_600_000) as Duration;
export const days = (n: number): Duration => (n * 86_400_000) as Duration;

/** "250 ms", "12.5 s", "3 min 4 s". */
export function formatDuration(duration: Duration): string {
  const ms = Math.round(duration);
  if (ms < 1000) return `${ms} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms % 1000 === 0 ? 0 : 1)} s`;
  const wholeMinutes = Math.floor(ms / 60_000);
  return `${wholeMinutes} min ${Math.round((ms - wholeMinutes * 60_000) / 1000)} s`;
}
