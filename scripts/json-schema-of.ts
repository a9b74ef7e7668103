// The JSON Schema of the lines of --json, out of the schemas by which they are checked and by which results are read.
import { type JsonSchema, toJsonSchema } from '@valibot/to-json-schema';
import type * as v from 'valibot';
import { JSON_LINES, JSON_VERSION, shapeOf } from '../src/fleet/index.ts';
import { VERBS } from '../src/protocol/index.ts';

const HEX: JsonSchema = { type: 'string', pattern: '^(?:[0-9a-f]{2})*$' };

/** Open, as docs/json.md says: fields are added within a version. Bytes are hexadecimal digits. */
function schemaOf(shape: v.GenericSchema): JsonSchema {
  const made = toJsonSchema(shape, {
    target: 'draft-2020-12',
    ignoreActions: ['check', 'safe_integer'],
    overrideSchema: ({ valibotSchema }) => (valibotSchema.type === 'custom' ? HEX : undefined),
  });
  return opened(made) as JsonSchema;
}

function opened(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(opened);
  if (typeof node !== 'object' || node === null) return node;
  return Object.fromEntries(
    Object.entries(node)
      .filter(([key, value]) => key !== '$schema' && !(key === 'additionalProperties' && value === false))
      .map(([key, value]) => [key, opened(value)]),
  );
}

/** Of version 1: a line says by `line` which of the $defs it fits; `result` of a verb is "result.VERB". */
export function jsonLineSchema(): object {
  const lines = JSON_LINES.map((line) => {
    const { properties = {}, required = [], ...rest } = schemaOf(shapeOf(line));
    const head = { v: { const: JSON_VERSION }, line: { const: line } };
    return [line, { ...rest, properties: { ...head, ...properties }, required: ['v', 'line', ...required] }];
  });
  const results = Object.entries(VERBS).map(([verb, { result }]) => [`result.${verb}`, schemaOf(result)]);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: `urn:nightshift:json-lines:${JSON_VERSION}`,
    title: 'A line of nightshift --json',
    description:
      'One object a line. Within a version fields and kinds of lines are added and never change their meaning: a line of a kind that is not here is as good. Where an answer has the verb VERB, its result is $defs["result.VERB"], as far as its device is of this version.',
    type: 'object',
    properties: { v: { const: JSON_VERSION }, line: { type: 'string' } },
    required: ['v', 'line'],
    allOf: JSON_LINES.map((line) => ({
      if: { properties: { line: { const: line } }, required: ['line'] },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: { $ref: `#/$defs/${line}` },
    })),
    $defs: Object.fromEntries([...lines, ...results]),
  };
}
