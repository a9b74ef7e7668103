import { readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { NsError } from '../base/index.ts';

/** What a configuration file says, not yet judged. */
export interface RawConfig {
  /** For messages: the file's path. */
  readonly source: string;
  /** Undefined where there is none. */
  readonly file: string | undefined;
  /** File names in the configuration are relative to this. */
  readonly directory: string;
  readonly content: unknown;
}

const MAX_BYTES = 4 * 1024 * 1024;
const MAX_ALIASES = 100;

function invalid(sentence: string, cause?: unknown): NsError {
  return new NsError('NS_CONFIG_INVALID', sentence, { family: 'caller', cause });
}

/** Where a configuration may be, when nobody says where: the first that is there is taken. */
function usualPlaces(environment: NodeJS.ProcessEnv): string[] {
  const home = environment.XDG_CONFIG_HOME ?? (environment.HOME && join(environment.HOME, '.config'));
  return ['nightshift.yaml', ...(home ? [join(home, 'nightshift', 'config.yaml')] : [])];
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

/**
 * Reads the YAML file that is named, or that the environment names (NIGHTSHIFT_CONFIG), or the first of the usual
 * places. Where none is named and none is there, an empty configuration. NS_CONFIG_INVALID says which line is wrong.
 */
export async function readConfig(
  named: string | undefined,
  environment: NodeJS.ProcessEnv,
): Promise<RawConfig> {
  const chosen = named ?? environment.NIGHTSHIFT_CONFIG;
  if (chosen !== undefined) return parseFile(chosen);
  for (const place of usualPlaces(environment)) if (await exists(place)) return parseFile(place);
  return { source: 'configuration', file: undefined, directory: process.cwd(), content: undefined };
}

async function parseFile(path: string): Promise<RawConfig> {
  let text: string;
  try {
    const { size } = await stat(path);
    if (size > MAX_BYTES) throw new Error(`it has ${size} bytes, ${MAX_BYTES} at most`);
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw invalid(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`, error);
  }
  try {
    const content: unknown = parse(text, { maxAliasCount: MAX_ALIASES, logLevel: 'error' });
    return { source: path, file: path, directory: dirname(resolve(path)), content };
  } catch (error) {
    // The parser's message names line and column.
    const [first = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    throw invalid(`${path}: ${first.replace(/:$/, '')}`, error);
  }
}
