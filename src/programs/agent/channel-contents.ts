import { positionIn } from '../../adapters/linux/nmea.ts';
import { formatBytes, sentenceOf } from '../../base/index.ts';
import { decodeFru, fruRows } from '../../ipmi/index.ts';
import type { Channel } from '../../ports/index.ts';
import type { ResultOf } from '../../protocol/index.ts';
import { timeText } from '../../show/index.ts';
import { decodeSpd } from '../../tasks/index.ts';

type Contents = NonNullable<ResultOf<'io.read'>['contents']>;
type Rows = readonly (readonly [name: string, value: string | undefined])[];

const MOST_FIELDS = 96;
const MOST_PROBLEMS = 16;
const LONGEST = 256;

/** What the bytes of this channel say; undefined where its board does not say how they are laid out. */
export function contentsOf({ kind, holds }: Channel, bytes: Uint8Array): Contents | undefined {
  if (kind === 'gnss') return nmeaContents(bytes);
  switch (holds) {
    case 'fru':
      return fruContents(bytes);
    case 'spd':
      return spdContents(bytes);
    default:
      return undefined;
  }
}

function fruContents(bytes: Uint8Array): Contents {
  try {
    const { inventory, problems } = decodeFru(bytes);
    const records = inventory.records.map(
      ({ type }) => `type ${type.toString(16).padStart(2, '0').toUpperCase()}h`,
    );
    return noted(
      'fru',
      [
        ...fruRows(inventory, timeText),
        ['Records', records.length === 0 ? undefined : `${records.length}: ${records.join(', ')}`],
      ],
      problems.map(({ area, why }) => `${area}: ${why}`),
    );
  } catch (error) {
    return noted('fru', [], [sentenceOf(error)]);
  }
}

const DEGREE = 1_000_000;
const degrees = (millionths: number, [positive, negative]: readonly [string, string]): string =>
  `${(Math.abs(millionths) / DEGREE).toFixed(6)} ${millionths < 0 ? negative : positive}`;

function nmeaContents(bytes: Uint8Array): Contents {
  const position = positionIn(bytes);
  if (position === undefined) return noted('nmea', [], ['no sentence of it is whole and about a position']);
  const { time, latitude, longitude, fix, satellites, altitude } = position;
  const place =
    latitude === undefined || longitude === undefined
      ? undefined
      : `${degrees(latitude, ['N', 'S'])}, ${degrees(longitude, ['E', 'W'])}`;
  return noted(
    'nmea',
    [
      ['Position', place],
      ['Altitude', altitude === undefined ? undefined : `${(altitude / 10).toFixed(1)} m`],
      ['Time', time],
      ['Fix', fix],
      ['Satellites', satellites?.toString()],
    ],
    place === undefined ? ['the receiver does not know where it is'] : [],
  );
}

function spdContents(bytes: Uint8Array): Contents {
  const reading = decodeSpd(bytes);
  switch (reading.is) {
    case 'damaged':
      return noted('spd', [], [reading.why]);
    case 'other':
      return noted(
        'spd',
        [['Type', reading.type]],
        [`the SPD of ${reading.type} is not decoded by this version`],
      );
    case 'module': {
      const { type, bytes: size, partNumber, serial, crcErrors } = reading.facts;
      return noted(
        'spd',
        [
          ['Type', type],
          ['Size', size === undefined ? undefined : formatBytes(size)],
          ['Part Number', partNumber],
          ['Serial', serial],
        ],
        crcErrors.map((block) => `the CRC of the ${block} block is wrong: what is said above may be, too`),
      );
    }
  }
}

/** What comes from a chip is bounded, and is text that a terminal can show. */
function noted(as: Contents['as'], rows: Rows, problems: readonly string[]): Contents {
  const fields = rows.flatMap(([name, value]) =>
    value === undefined ? [] : [{ name, value: plain(value) }],
  );
  const more = fields.length - MOST_FIELDS;
  return {
    as,
    fields: fields.slice(0, MOST_FIELDS),
    problems: [...problems, ...(more > 0 ? [`${more} more fields are left out`] : [])]
      .slice(0, MOST_PROBLEMS)
      .map(plain),
  };
}

const plain = (text: string): string => {
  const shown = text.replace(/[^\x20-\x7e\xa0-\xff]/g, '?');
  return shown.length > LONGEST ? `${shown.slice(0, LONGEST - 1)}…` : shown;
};
