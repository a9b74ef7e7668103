import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

export const SCHEMA_FILE = 'docs/json-schema/nightshift-json-1.schema.json';

interface Checks {
  readonly line: ValidateFunction;
  readonly ajv: Ajv2020;
  readonly id: string;
}

let checks: Checks | undefined;

function load(): Checks {
  if (checks !== undefined) return checks;
  const schema = JSON.parse(readFileSync(SCHEMA_FILE, 'utf8')) as { readonly $id: string };
  // Keywords that name no type are meant so: what is behind "if" and "properties" judges objects alone.
  const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false });
  checks = { line: ajv.compile(schema), ajv, id: schema.$id };
  return checks;
}

function faultOf(check: ValidateFunction, value: unknown): string | undefined {
  if (check(value)) return undefined;
  const [first] = check.errors ?? [];
  return `${first?.instancePath ?? ''} ${first?.message ?? 'is wrong'}`;
}

/** What the published schema finds wrong with a line of --json. */
export function faultBySchema(line: string): string | undefined {
  return faultOf(load().line, JSON.parse(line));
}

/** What it finds wrong with the result of a verb in an answer. */
export function resultFault(verb: string, result: unknown): string | undefined {
  const { ajv, id } = load();
  const check = ajv.getSchema(`${id}#/$defs/result.${verb}`);
  return check === undefined ? `there is no result of ${verb}` : faultOf(check as ValidateFunction, result);
}
