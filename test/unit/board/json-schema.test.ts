import { readdirSync, readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import t from 'tap';
import * as v from 'valibot';
import { boardSchemas } from '../../../scripts/board-schema-of.ts';
import { boardDescription, boardFields, flashLayout, flashLayoutFields } from '../../../src/board/index.ts';

const root = new URL('../../../', import.meta.url);
const json = (path: string): unknown => JSON.parse(readFileSync(new URL(path, root), 'utf8'));
const published = (name: string): ValidateFunction =>
  new Ajv2020({ strict: true, strictTypes: false }).compile(
    json(`docs/json-schema/nightshift-${name}-1.schema.json`) as object,
  );

const boards = readdirSync(new URL('boards/', root), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => `boards/${name}/board.json`);
const layouts = readdirSync(new URL('flash/layouts/', root)).map((name) => `flash/layouts/${name}`);
const KINDS = [
  { name: 'board', files: boards, shape: boardFields, whole: boardDescription },
  { name: 'flash-layout', files: layouts, shape: flashLayoutFields, whole: flashLayout },
] as const;

await t.test('the published JSON Schemas are those of the programs', async (t) => {
  for (const { file, schema } of boardSchemas())
    t.same(json(`docs/json-schema/${file}`), schema, 'run: node --import=tsx scripts/json-schema.mjs');
});

for (const { name, files, shape, whole } of KINDS) {
  const fits = published(name);

  await t.test(
    `every ${name} comes out of its schema as it went in, fits the published one, and names no other`,
    async (t) => {
      t.ok(files.length > 3);
      for (const file of files) {
        const value = json(file) as { readonly $schema?: string };
        t.same(v.parse(whole, value), value, file);
        t.ok(fits(value), `${file}: ${JSON.stringify(fits.errors)}`);
        const named = value.$schema;
        if (named === undefined) continue;
        const path = new URL(named, new URL(file, root)).href.slice(root.href.length);
        t.equal(path, `docs/json-schema/nightshift-${name}-1.schema.json`);
      }
    },
  );

  await t.test(`whatever is changed in a ${name}, both say the same of its shape`, async (t) => {
    const originals = files.map(json);
    let refused = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(...originals),
        fc.nat(),
        fc.nat(),
        fc.jsonValue({ maxDepth: 1 }),
        (original, at, how, value) => {
          const changed = structuredClone(original) as object;
          change(changed, at, how % 3, value);
          // What one part must be beside another is no matter of shape.
          const issues = v.safeParse(shape, changed).issues?.filter(({ type }) => type !== 'check') ?? [];
          if (issues.length > 0) refused++;
          return (issues.length === 0) === fits(changed);
        },
      ),
      { numRuns: 400 },
    );
    t.ok(refused > 100, `${refused} of 400 were refused`);
  });
}

/** Of some object in it: a key more, a key less, or another value. */
function change(value: object, at: number, how: number, other: unknown): void {
  const objects = objectsIn(value);
  const hit = objects[at % objects.length] as Record<string, unknown>;
  const keys = Object.keys(hit);
  const key = keys[at % Math.max(1, keys.length)] ?? 'a-key';
  if (how === 0) hit['a-key-that-is-unknown'] = other;
  else if (how === 1) delete hit[key];
  else hit[key] = other;
}

function objectsIn(value: unknown): object[] {
  if (typeof value !== 'object' || value === null) return [];
  const below = Object.values(value).flatMap(objectsIn);
  return Array.isArray(value) ? below : [value, ...below];
}
