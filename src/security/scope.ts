import * as v from 'valibot';
import { allow, refuse, type Verdict } from '../base/index.ts';
import type { PowerState } from '../ports/index.ts';
import { NAME, type Order } from '../protocol/index.ts';

const MAX_LISTED = 32;
/** In a pattern the same place could be reached under another spelling. */
const PLAIN_PREFIX = /^(?:[^\0\n:/]{1,128}:)?\/[^\0\n*?[\]\\]{0,1024}$/;

function listOf<S extends v.GenericSchema>(item: S) {
  return v.optional(v.pipe(v.array(item), v.minLength(1), v.maxLength(MAX_LISTED)));
}

const host = v.pipe(
  v.string(),
  v.check((text) => NAME.test(text.startsWith('@') ? text.slice(1) : text), 'must be HOST or @GROUP'),
);

/** A part of what a role may do. What is left out is not narrowed; an unknown field would narrow, so there is none. */
export const scope = v.strictObject({
  /** "file.stat", or "file.*" for all of a kind. */
  verbs: listOf(v.pipe(v.string(), v.regex(/^[a-z]{1,16}\.(?:\*|[a-z]{1,16})$/, 'must be a verb or KIND.*'))),
  /** "web1", or "@rack1" for all devices that count themselves to that group. */
  hosts: listOf(host),
  /** "/var/log" or "disk0p2:/var/log": that place and all below it. */
  paths: listOf(
    v.pipe(
      v.string(),
      v.regex(PLAIN_PREFIX, 'must be [VOLUME:]/PATH without patterns'),
      v.check((text) => namesOf(placeOf(text).path) !== undefined, 'must not have "." or ".." in it'),
    ),
  ),
  /** The host's power state when the task begins. */
  states: listOf(v.picklist(['S0', 'S3', 'S4', 'S5', 'G3', 'unknown'])),
});

export type Scope = v.InferOutput<typeof scope>;

/** What a scope is compared with, beside the order itself. */
export interface ScopeFacts {
  readonly device: string;
  readonly groups: readonly string[];
  /** "later" at the door: the state that counts is the one in which the task begins. */
  readonly power: PowerState | 'later';
}

type Asked = Pick<Order, 'verb' | 'args'>;

/**
 * Whether one of the scopes covers the order; without a list the role's whole right is there. OUT_OF_SCOPE names what
 * the scope that comes nearest does not cover. A scope with paths covers only orders that name a path.
 */
export function mayWithin(
  scopes: readonly Scope[] | undefined,
  order: Asked,
  facts: ScopeFacts,
): Verdict<void> {
  if (scopes === undefined) return allow(undefined);
  let nearest: readonly string[] | undefined;
  for (const each of scopes) {
    const missing = missingIn(each, order, facts);
    if (missing.length === 0) return allow(undefined);
    if (nearest === undefined || missing.length < nearest.length) nearest = missing;
  }
  return refuse(
    'OUT_OF_SCOPE',
    `The grant of this key does not cover ${(nearest ?? ['anything']).join(' and ')}.`,
  );
}

function missingIn({ verbs, hosts, paths, states }: Scope, order: Asked, facts: ScopeFacts): string[] {
  const missing: string[] = [];
  if (verbs !== undefined && !verbs.some((verb) => coversVerb(verb, order.verb))) missing.push(order.verb);
  const names = [facts.device, ...facts.groups.map((group) => `@${group}`)];
  if (hosts?.every((each) => !names.includes(each))) missing.push(`the device ${facts.device}`);
  if (paths !== undefined) {
    const asked = askedPlace(order);
    if (asked === undefined) missing.push('orders without a path');
    else if (!paths.some((prefix) => coversPlace(placeOf(prefix), asked))) {
      missing.push(`the path ${JSON.stringify(asked.path.slice(0, 256))}`);
    }
  }
  if (states !== undefined && facts.power !== 'later' && !states.includes(facts.power)) {
    missing.push(`the power state ${facts.power}`);
  }
  return missing;
}

function coversVerb(pattern: string, verb: string): boolean {
  return pattern.endsWith('.*') ? verb.startsWith(pattern.slice(0, -1)) : pattern === verb;
}

interface Place {
  readonly volume: string | undefined;
  readonly path: string;
}

function placeOf(text: string): Place {
  const slash = text.indexOf('/');
  return { volume: slash > 0 ? text.slice(0, slash - 1) : undefined, path: text.slice(slash) };
}

function askedPlace({ args }: Asked): Place | undefined {
  if (!('path' in args) || typeof args.path !== 'string') return undefined;
  return { volume: 'volume' in args ? args.volume : undefined, path: args.path };
}

/** By whole names, never by text: /var/log does not cover /var/logs. */
function coversPlace(prefix: Place, asked: Place): boolean {
  if (prefix.volume !== undefined && prefix.volume !== asked.volume) return false;
  const ours = namesOf(prefix.path);
  const theirs = namesOf(asked.path);
  if (ours === undefined || theirs === undefined || theirs.length < ours.length) return false;
  return ours.every((part, at) => part === theirs[at]);
}

/** Undefined where the path could lead elsewhere than its names say. */
function namesOf(path: string): readonly string[] | undefined {
  if (!path.startsWith('/')) return undefined;
  const names = path.split('/').filter((part) => part !== '');
  return names.some((part) => part === '.' || part === '..') ? undefined : names;
}
