import { hasControl } from '../host-path.ts';

/** Text from a disk nobody trusts ends up on terminals: short, and without control characters. */
export function forPeople(text: string | undefined, most: number): string {
  const short = Array.from(text ?? '');
  const shown = short.slice(0, most).map((character) => (hasControl(character) ? '\ufffd' : character));
  return shown.join('') + (short.length > most ? '…' : '');
}
