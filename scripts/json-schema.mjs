// Writes the JSON Schemas of the lines of --json, and of boards and flash layouts. Run by: node --import=tsx scripts/json-schema.mjs
import { mkdirSync, writeFileSync } from 'node:fs';
import { JSON_VERSION } from '../src/fleet/index.ts';
import { boardSchemas } from './board-schema-of.ts';
import { jsonLineSchema } from './json-schema-of.ts';

const folder = new URL('../docs/json-schema/', import.meta.url);
mkdirSync(folder, { recursive: true });
const file = new URL(`nightshift-json-${JSON_VERSION}.schema.json`, folder);
writeFileSync(file, `${JSON.stringify(jsonLineSchema(), undefined, 1)}\n`);
for (const { file: name, schema } of boardSchemas())
  writeFileSync(new URL(name, folder), `${JSON.stringify(schema, undefined, 1)}\n`);
