import type { HostRow } from '../src/web/wire.ts';

const TONES: Readonly<Record<HostRow['reach'], string>> = {
  'not asked': 'soft',
  answers: 'good',
  refuses: 'warn',
  failed: 'bad',
  offline: 'bad',
  silent: 'bad',
  'not sent': 'bad',
};

export function toneOf(reach: HostRow['reach']): string {
  return TONES[reach];
}

/** "14:03:22" of today, with the date of any other day; by the browser's clock and zone. */
export function momentText(at: number | undefined): string {
  if (at === undefined) return '';
  const date = new Date(at * 1000);
  const time = date.toTimeString().slice(0, 8);
  return date.toDateString() === new Date().toDateString() ? time : `${date.toLocaleDateString()} ${time}`;
}
