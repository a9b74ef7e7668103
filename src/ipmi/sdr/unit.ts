import { NsError } from '../../base/index.ts';

/** IPMI 2.0, table 43-15, by number. */
const UNITS =
  'unspecified|degrees C|degrees F|degrees K|Volts|Amps|Watts|Joules|Coulombs|VA|Nits|lumen|lux|Candela|kPa|PSI|Newton|CFM|RPM|Hz|microsecond|millisecond|second|minute|hour|day|week|mil|inches|feet|cu in|cu feet|mm|cm|m|cu cm|cu m|liters|fluid ounce|radians|steradians|revolutions|cycles|gravities|ounce|pound|ft-lb|oz-in|gauss|gilberts|henry|millihenry|farad|microfarad|ohms|siemens|mole|becquerel|PPM|reserved|Decibels|DbA|DbC|gray|sievert|color temp deg K|bit|kilobit|megabit|gigabit|byte|kilobyte|megabyte|gigabyte|word|dword|qword|line|hit|miss|retry|reset|overrun|underrun|collision|packets|messages|characters|error|correctable error|uncorrectable error|fatal error|grams'.split(
    '|',
  );
const RATES = ['', 'microsecond', 'millisecond', 'second', 'minute', 'hour', 'day', ''] as const;

const named = (unit: number): string => UNITS[unit] ?? `unit ${unit}`;

/** The three bytes of units of a record: "degrees C", "bit per second", "Newton*m", "%". Empty where none is told. */
export function unitOf(how: number, base: number, modifier: number): string {
  const combined = (how >> 1) & 3;
  const joined =
    combined === 1
      ? `${named(base)}/${named(modifier)}`
      : combined === 2
        ? `${named(base)}*${named(modifier)}`
        : named(base);
  const rate = RATES[(how >> 3) & 7]!;
  const unit = base === 0 && combined === 0 ? '' : rate === '' ? joined : `${joined} per ${rate}`;
  if ((how & 1) === 0) return unit;
  return unit === '' ? '%' : `% ${unit}`;
}

/**
 * The three bytes of units of a record, with the analog format in the top bits of the first: of a plain unit, of one with a
 * rate, and of "%". NS_IPMI_ARGUMENT for any other.
 */
export function unitBytes(unit: string, format: number): readonly [number, number, number] {
  const isPercent = unit === '%' || unit.startsWith('% ');
  const [base = '', per = ''] = unit.replace(/^% ?/, '').split(' per ');
  const [code, rate] = [base === '' ? 0 : UNITS.indexOf(base), RATES.indexOf(per as (typeof RATES)[number])];
  if (code < 0 || rate < 0) {
    throw new NsError('NS_IPMI_ARGUMENT', `"${unit}" is no unit of a sensor`, { family: 'caller' });
  }
  return [(format << 6) | (rate << 3) | (isPercent ? 1 : 0), code, 0];
}
