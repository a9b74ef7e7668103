import { readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';

const json = (name: string): Record<string, unknown> =>
  JSON.parse(readFileSync(new URL(`../vectors/cyclonedx/${name}`, import.meta.url), 'utf8'));
const HOME = 'http://cyclonedx.org/schema/';

let compiled: ValidateFunction | undefined;
function check(): ValidateFunction {
  if (compiled !== undefined) return compiled;
  const ajv = new Ajv({ strict: false, validateFormats: false });
  ajv.addSchema({ ...json('spdx.schema.json'), $id: `${HOME}spdx.SNAPSHOT.schema.json` });
  // Signatures: our bills have none.
  ajv.addSchema({ $id: `${HOME}jsf-0.82.SNAPSHOT.schema.json`, definitions: { signature: false } });
  compiled = ajv.compile(json('bom-1.5.schema.json'));
  return compiled;
}

/** What CycloneDX's own schema finds wrong with a bill of materials. */
export function billFault(bill: unknown): string | undefined {
  const fits = check();
  if (fits(bill)) return undefined;
  const [first] = fits.errors ?? [];
  return `${first?.instancePath ?? ''} ${first?.message ?? 'is wrong'}`;
}

/** The licences and exceptions that an SPDX expression names and that SPDX does not know; "LicenseRef-…" are one's own. */
export function unknownLicences(expression: string): string[] {
  const known = json('spdx.schema.json').enum as readonly string[];
  return expression
    .replace(/[()]/g, ' ')
    .split(/\s+(?:AND|OR|WITH)\s+/)
    .map((name) => name.trim())
    .filter((name) => !known.includes(name) && !name.startsWith('LicenseRef-'));
}
