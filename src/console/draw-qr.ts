/** Light modules on each side; the standard asks for four. */
const QUIET = 4;
const LIGHT = '##';
const DARK = '  ';

/**
 * A QR code of seven-bit text, two characters a module, so that modules are about square. Light is what is printed: on a dark
 * terminal the code is as it should be, on a light one inverted, which readers take too.
 */
export function drawQr(modules: readonly (readonly boolean[])[]): string[] {
  const width = (modules[0]?.length ?? 0) + 2 * QUIET;
  const side = LIGHT.repeat(QUIET);
  const edge = Array.from({ length: QUIET }, () => LIGHT.repeat(width));
  const rows = modules.map((row) => `${side}${row.map((dark) => (dark ? DARK : LIGHT)).join('')}${side}`);
  return [...edge, ...rows, ...edge];
}
