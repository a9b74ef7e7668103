import * as v from 'valibot';
import { allow, refuse, type Verdict } from '../base/index.ts';

/** A key of a hostile map may be long or odd. */
function shown(path: string): string {
  return JSON.stringify(path.length > 64 ? `${path.slice(0, 64)}…` : path);
}

/**
 * Judges a decoded value by a schema. Refuses with MESSAGE_INVALID, naming the first field that is wrong and what it
 * should be; the value itself is not repeated.
 */
export function parseMessage<const S extends v.GenericSchema>(
  schema: S,
  value: unknown,
  prefix = '',
): Verdict<v.InferOutput<S>> {
  const result = v.safeParse(schema, value, { abortEarly: true, abortPipeEarly: true });
  if (result.success) return allow(result.output);
  const issue = result.issues[0];
  const path = [prefix, v.getDotPath(issue) ?? ''].filter((part) => part !== '').join('.');
  const field = path === '' ? 'The message' : `Field ${shown(path)}`;
  if (issue.expected === 'never') return refuse('MESSAGE_INVALID', `${field} is not known here.`);
  const wanted = issue.expected ?? (issue.kind === 'validation' ? issue.message : 'something else');
  const given = issue.kind === 'schema' && issue.input === undefined ? 'missing' : 'not acceptable';
  return refuse('MESSAGE_INVALID', `${field} is ${given}: ${wanted.slice(0, 200)}.`);
}
