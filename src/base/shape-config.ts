import * as v from 'valibot';
import { NsError } from './errors.ts';
import { suggest } from './suggest.ts';

/**
 * The value in the schema's shape. NS_CONFIG_INVALID names the source, the place, what is wrong there, and for an
 * unknown key the known one that it resembles. Schemas are strict objects, so that a slip is never silently ignored.
 */
export function shapeConfig<S extends v.GenericSchema>(
  schema: S,
  value: unknown,
  source: string,
): v.InferOutput<S> {
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output;
  // A mistyped key is also a missing one; the slip is what helps.
  const issue = parsed.issues.find(({ expected }) => expected === 'never') ?? parsed.issues[0];
  throw new NsError('NS_CONFIG_INVALID', `${source}: ${describeIssue(schema, issue)}`, {
    family: 'caller',
  });
}

function describeIssue(schema: unknown, issue: v.BaseIssue<unknown>): string {
  const inner = issue.issues?.find(({ path }) => path !== undefined) ?? issue;
  // What is wrong within one option of a union is placed from the union on.
  const before = inner === issue ? [] : (issue.path ?? []);
  const keys = [...before, ...(inner.path ?? [])].map(({ key }) => String(key));
  const path = keys.join('.');
  if (inner.expected === 'never') {
    const near = suggest(keys.at(-1) ?? '', knownKeys(schema, keys.slice(0, -1)));
    return `unknown key "${path}"${near === undefined ? '' : `; did you mean "${near}"?`}`;
  }
  if (inner.received === 'undefined') return `"${path}" is missing`;
  const what =
    inner.kind === 'validation'
      ? inner.message
      : `expected ${inner.expected ?? 'something else'}, found ${inner.received}`;
  return path === '' ? what : `"${path}": ${what}`;
}

/** The keys that an object schema knows at this place, through optional, array, record and union schemas. */
function knownKeys(schema: unknown, path: readonly string[]): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const node = schema as Partial<Record<'entries' | 'wrapped' | 'item' | 'value' | 'options', unknown>>;
  if (node.wrapped !== undefined) return knownKeys(node.wrapped, path);
  if (Array.isArray(node.options)) return node.options.flatMap((option) => knownKeys(option, path));
  const [key, ...rest] = path;
  if (node.entries !== undefined && node.entries !== null) {
    const entries = node.entries as Record<string, unknown>;
    return key === undefined ? Object.keys(entries) : knownKeys(entries[key], rest);
  }
  return key === undefined ? [] : knownKeys(node.item ?? node.value, rest);
}
