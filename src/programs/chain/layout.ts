import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { parse as parseYaml } from 'yaml';
import { asNsError, MiB, NsError, seconds, shapeConfig } from '../../base/index.ts';
import type { Clock } from '../../ports/index.ts';
import type { CopyWorkOptions, PaceLimits } from '../../sata-chain/index.ts';

const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const path = v.pipe(v.string(), v.minLength(1), v.maxLength(4096));

/** What may stand beside `stretches` and `spares` in a layout file. */
const beside = v.object({
  pace: v.optional(
    v.strictObject({
      /** MiB a second that a copy always gets, and gets at most. */
      least: v.optional(v.pipe(v.number(), v.minValue(0.0625), v.maxValue(100_000))),
      most: v.optional(v.pipe(v.number(), v.minValue(0.0625), v.maxValue(100_000))),
      /** Thousandths of a degree Celsius: slowing begins, and only the least is left. */
      warm: v.optional(whole),
      hottest: v.optional(whole),
      /** Milliwatts. */
      powerBudget: v.optional(whole),
    }),
  ),
  /** Files as hwmon has them: thousandths of a degree, and microwatts. */
  sensors: v.optional(v.strictObject({ temperature: v.optional(path), power: v.optional(path) })),
});

export interface ChainLayout {
  /** For LocalChain. */
  readonly layout: unknown;
  readonly copying: Partial<CopyWorkOptions>;
}

const SAMPLE = seconds(5);
const MICROWATTS = 1000;

/** Reads a layout file; NS_CONFIG_INVALID names what is wrong in it. Its sensors are read every five seconds. */
export async function readLayout(file: string, clock: Clock): Promise<ChainLayout> {
  const document = await readFile(file, 'utf8').then(parseYaml, (cause: unknown) => {
    throw invalid(`${file} cannot be read`, cause);
  });
  if (typeof document !== 'object' || document === null) throw invalid(`${file} holds no layout`);
  const { pace, sensors } = shapeConfig(beside, document, file);
  const { pace: _, sensors: __, ...layout } = document as Record<string, unknown>;
  return {
    layout,
    copying: {
      ...(pace === undefined ? {} : { pace: () => limitsOf(pace) }),
      ...(sensors === undefined ? {} : { sensors: sampled(sensors, clock) }),
    },
  };
}

function limitsOf({ least, most, ...rest }: NonNullable<v.InferOutput<typeof beside>['pace']>): PaceLimits {
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  return {
    ...given,
    ...(least === undefined ? {} : { leastRate: least * MiB }),
    ...(most === undefined ? {} : { mostRate: most * MiB }),
  };
}

function sampled(
  files: { readonly temperature?: string | undefined; readonly power?: string | undefined },
  clock: Clock,
): CopyWorkOptions['sensors'] {
  let now: ReturnType<CopyWorkOptions['sensors']> = {};
  const look = async (): Promise<void> => {
    const [temperature, power] = await Promise.all([numberIn(files.temperature), numberIn(files.power)]);
    now = {
      ...(temperature === undefined ? {} : { temperature }),
      ...(power === undefined ? {} : { power: power / MICROWATTS }),
    };
  };
  void look();
  clock.every(SAMPLE, () => void look());
  return () => now;
}

/** A sensor that cannot be read says nothing. */
async function numberIn(file: string | undefined): Promise<number | undefined> {
  if (file === undefined) return undefined;
  const text = await readFile(file, 'latin1').catch(() => '');
  return /^-?\d{1,12}\s*$/.test(text) ? Number(text) : undefined;
}

function invalid(sentence: string, cause?: unknown): NsError {
  const reason = cause === undefined ? '' : `: ${asNsError(cause).message}`;
  return new NsError('NS_CONFIG_INVALID', `${sentence}${reason}`, { family: 'caller', cause });
}
