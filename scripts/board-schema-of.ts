// The JSON Schemas of boards/*/board.json and flash/layouts/*.json, out of the schemas by which they are read: for editors, and for
// whoever writes such files with another program. What one part must be beside another, valibot alone checks.
import { toJsonSchema } from '@valibot/to-json-schema';
import type * as v from 'valibot';
import { boardFields, flashLayoutFields } from '../src/board/index.ts';

const SAFE_INTEGER = {
  type: 'integer',
  minimum: Number.MIN_SAFE_INTEGER,
  maximum: Number.MAX_SAFE_INTEGER,
} as const;

interface BoardSchema {
  /** In docs/json-schema. */
  readonly file: string;
  readonly schema: object;
}

function schemaOf(shape: v.GenericSchema, name: string, title: string): BoardSchema {
  const { $schema: _, ...made } = toJsonSchema(shape, {
    target: 'draft-2020-12',
    ignoreActions: ['check'],
    overrideAction: ({ valibotAction, jsonSchema }) =>
      valibotAction.type === 'safe_integer' ? { ...jsonSchema, ...SAFE_INTEGER } : undefined,
  });
  const head = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: `urn:nightshift:${name}:1`,
    title,
  };
  return { file: `nightshift-${name}-1.schema.json`, schema: { ...head, ...made } };
}

export const boardSchemas = (): readonly BoardSchema[] => [
  schemaOf(boardFields, 'board', 'What a board is and how it is wired: boards/NAME/board.json'),
  schemaOf(
    flashLayoutFields,
    'flash-layout',
    'How flash that holds firmware is parted: flash/layouts/NAME.json',
  ),
];
