import { fromUtf8, utf8 } from '../../base/index.ts';

/** NMEA 0183 allows 82 characters; receivers that tell more digits send a few more. */
const LONGEST = 120;
const QUALITIES: readonly string[] = [
  'none',
  'GNSS',
  'differential GNSS',
  'PPS',
  'RTK, fixed',
  'RTK, float',
  'dead reckoning',
  'entered by hand',
  'simulated',
];

/** A sentence as it came, and its fields behind its name. */
export interface Sentence {
  readonly text: string;
  /** Without the talker: "GGA", "RMC". */
  readonly name: string;
  readonly fields: readonly string[];
}

/** Takes bytes as they come from a receiver, and gives the whole sentences whose checksum is right. Bounded. */
export class NmeaReader {
  #rest = '';

  take(bytes: Uint8Array): Sentence[] {
    const lines = (this.#rest + Buffer.from(bytes).toString('latin1')).split('\n');
    const rest = lines.pop() ?? '';
    this.#rest = rest.length > LONGEST ? '' : rest;
    return lines.flatMap((line) => sentenceOf(line) ?? []);
  }
}

/** Undefined for what is no sentence, too long, or damaged. */
export function sentenceOf(line: string): Sentence | undefined {
  const text = line.trim();
  if (text.length > LONGEST) return undefined;
  const match = /^\$([A-Z]{2}([A-Z]{3}),[\x20-\x29\x2b-\x7e]*)\*([0-9A-Fa-f]{2})$/.exec(text);
  const [, body = '', name = '', sum = ''] = match ?? [];
  if (match === null || utf8(body).reduce((all, byte) => all ^ byte, 0) !== Number.parseInt(sum, 16))
    return undefined;
  return { text, name, fields: body.split(',').slice(1) };
}

export interface Position {
  /** "2026-11-21 22:40:11Z", or the time of day alone where the date was not told. What the sky says, which may be forged. */
  readonly time?: string;
  /** Degrees north and east, in millionths. */
  readonly latitude?: number;
  readonly longitude?: number;
  readonly fix: string;
  readonly satellites?: number;
  /** Above the sea, in decimetres. */
  readonly altitude?: number;
}

/** What the sentences of one moment say together; undefined where none of them is about a position. */
export function positionIn(bytes: Uint8Array): Position | undefined {
  const sentences = (fromUtf8(bytes) ?? '').split('\n').flatMap((line) => sentenceOf(line) ?? []);
  const gga = sentences.findLast(({ name }) => name === 'GGA')?.fields;
  const rmc = sentences.findLast(({ name }) => name === 'RMC')?.fields;
  if (gga === undefined && rmc === undefined) return undefined;
  const fix =
    gga === undefined ? (rmc?.[1] === 'A' ? 'GNSS' : 'none') : (QUALITIES[Number(gga[5] || 0)] ?? 'unknown');
  const [northing, easting] = gga === undefined ? [2, 4] : [1, 3];
  const source = gga ?? rmc ?? [];
  const latitude = degrees(source[northing], source[northing + 1], 'NS', 90);
  const longitude = degrees(source[easting], source[easting + 1], 'EW', 180);
  const time = timeOf(rmc?.[0] ?? gga?.[0], rmc?.[8]);
  const satellites = whole(gga?.[6]);
  const altitude = gga?.[9] === 'M' ? tenths(gga[8]) : undefined;
  const isPlace = fix !== 'none' && latitude !== undefined && longitude !== undefined;
  return {
    fix,
    ...(time === undefined ? {} : { time }),
    ...(isPlace ? { latitude, longitude } : {}),
    ...(satellites === undefined ? {} : { satellites }),
    ...(isPlace && altitude !== undefined ? { altitude } : {}),
  };
}

/** "4807.038", "N" as 48.1173 degrees, in millionths. */
function degrees(text = '', hemisphere = '', hemispheres: string, most: number): number | undefined {
  const match = /^(\d{2,3})(\d{2}(?:\.\d{1,8})?)$/.exec(text);
  const sign = [1, -1][hemispheres.indexOf(hemisphere)];
  if (match === null || sign === undefined || hemisphere.length !== 1) return undefined;
  const [whole, minutes] = [Number(match[1]), Number(match[2])];
  if (minutes >= 60 || whole + minutes / 60 > most) return undefined;
  return sign * Math.round((whole + minutes / 60) * 1e6);
}

function timeOf(time = '', date = ''): string | undefined {
  const clock = /^([01]\d|2[0-3])([0-5]\d)([0-5]\d|60)(?:\.\d+)?$/.exec(time);
  if (clock === null) return undefined;
  const day = /^(0[1-9]|[12]\d|3[01])(0[1-9]|1[0-2])(\d{2})$/.exec(date);
  const told = `${clock[1]}:${clock[2]}:${clock[3]}Z`;
  return day === null ? told : `20${day[3]}-${day[2]}-${day[1]} ${told}`;
}

const whole = (text = ''): number | undefined => (/^\d{1,3}$/.test(text) ? Number(text) : undefined);
const tenths = (text = ''): number | undefined =>
  /^-?\d{1,5}(?:\.\d{1,4})?$/.test(text) ? Math.round(Number(text) * 10) : undefined;
