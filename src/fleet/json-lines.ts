import * as v from 'valibot';
import { DESTRUCTIONS, ROLES } from '../security/index.ts';

/** Shape of every line of --json; raised when a field changes its meaning. Fields and kinds of lines may be added. */
export const JSON_VERSION = 1;

const HEX = /^(?:[0-9a-f]{2})*$/;
const hex = v.pipe(v.string(), v.regex(HEX));
const count = v.pipe(v.number(), v.integer(), v.minValue(0));
/** Seconds since 1970. */
const time = v.pipe(v.number(), v.integer());
const text = v.string();
/** What depends on the verb, or is made of many parts. */
const open = v.record(text, v.unknown());
const some = v.optional;
const list = v.array;

const fault = v.strictObject({ code: text, sentence: text });
const refusal = v.looseObject({ code: text, sentence: text });
const moment = v.strictObject({ at: count, state: text, certain: v.boolean() });
const file = v.looseObject({
  path: some(text),
  size: some(count),
  sha256: some(hex),
  resumedAt: some(count),
});
const finding = v.strictObject({
  is: v.picklist(['wrong', 'unchecked', 'note']),
  code: text,
  sentence: text,
});
const signer = v.strictObject({
  key: hex,
  name: some(text),
  person: some(text),
  role: some(v.picklist(ROLES)),
});
const destruction = v.picklist(DESTRUCTIONS);
const each = v.strictObject({ lock: count, wipe: count });

const OUTCOMES = [
  'succeeded',
  'failed',
  'refused',
  'cancelled',
  'expired',
  'unknown',
  'staged',
  'unreachable',
  'no-answer',
  'conflict',
  'not-sent',
] as const;
const outcome = v.picklist(OUTCOMES);

/** The fields of each kind of line, beside `v` and `line`. */
const FIELDS = {
  answer: {
    host: text,
    verb: some(text),
    outcome,
    id: some(hex),
    askers: some(list(open)),
    result: some(v.unknown()),
    refusal: some(refusal),
    failure: some(refusal),
    power: some(list(moment)),
    lock: some(open),
    tookMs: some(count),
    receivedAt: some(time),
    seq: some(count),
    order: some(hex),
    waits: some(refusal),
    leftSeconds: some(count),
    sent: some(v.boolean()),
    presence: some(text),
    validUntil: some(time),
    stage: some(text),
    file: some(file),
    fault: some(fault),
  },
  event: {
    host: text,
    event: v.picklist(['accepted', 'progress', 'offer', 'staged']),
    id: hex,
    seq: some(count),
    stage: some(text),
    done: some(count),
    total: some(count),
    unit: some(text),
    sample: some(v.union([v.number(), hex])),
    size: some(count),
    chunk: some(count),
    inode: some(count),
    mtime: some(time),
    waits: some(refusal),
    leftSeconds: some(count),
  },
  fault: { fault },
  audit: { host: text, holds: v.boolean(), kept: list(open) },
  'verified-file': {
    file: text,
    host: some(text),
    key: some(text),
    event: some(text),
    signers: some(list(signer)),
    hash: some(hex),
    receipt: some(open),
    findings: list(finding),
  },
  'verified-device': { host: text, key: text, chain: open, audit: open },
  verified: { files: count, wrong: count, unchecked: count, note: count, holds: v.boolean() },
  draft: {
    host: text,
    id: hex,
    verb: text,
    args: open,
    nbf: some(time),
    exp: some(time),
    ctr: count,
    token: some(v.strictObject({ for: destruction, epoch: count, n: count, device: text, governor: open })),
    people: count,
    signatures: list(signer),
  },
  token: {
    host: text,
    for: destruction,
    epoch: count,
    n: count,
    at: time,
    governor: v.strictObject({ key: hex, name: some(text), person: some(text) }),
  },
  ledger: {
    tenant: text,
    governor: hex,
    epoch: count,
    began: time,
    limits: each,
    left: each,
    given: some(list(open)),
  },
  release: { host: text, lockVersion: count, key: hex, code: text },
  pass: { host: text, name: text, person: text, until: time, rows: list(text), qr: text },
  keyring: {
    tenant: text,
    version: count,
    keys: list(open),
    roots: open,
    revoked: list(hex),
    signatures: count,
  },
  grant: {
    tenant: text,
    id: hex,
    to: text,
    name: text,
    person: text,
    scopes: list(open),
    notBefore: some(time),
    notAfter: time,
    at: time,
    again: count,
    of: some(hex),
    giver: hex,
    holder: hex,
  },
  key: { file: text, name: some(text), role: some(v.picklist(ROLES)), key: text, keyId: hex },
  init: { files: list(text), device: text, key: text },
  device: { host: text, key: text, file: text, added: v.boolean() },
  code: { code: text, sentence: text, remedy: text },
  broker: { broker: text },
  ipmi: {
    host: text,
    verb: text,
    outcome,
    result: some(v.unknown()),
    fault: some(v.looseObject({ code: text, sentence: text })),
    tookMs: some(count),
    setAside: some(v.boolean()),
    at: some(time),
  },
  resident: { socket: text },
  certificate: {
    kind: text,
    name: text,
    file: text,
    until: time,
    state: text,
    pin: some(text),
  },
  pki: {},
} as const;

export type JsonLineName = keyof typeof FIELDS;
export const JSON_LINES = Object.keys(FIELDS) as readonly JsonLineName[];

/** What a line of this kind has beside `v` and `line`, as a schema. */
export function shapeOf(line: JsonLineName): v.GenericSchema {
  return v.object(FIELDS[line]);
}

/** The names of the fields of a kind of line, those first that are always there. */
export function fieldsOf(line: JsonLineName): {
  readonly always: readonly string[];
  readonly else: readonly string[];
} {
  const entries = Object.entries<v.GenericSchema>(FIELDS[line]);
  const named = (optional: boolean): string[] =>
    entries.filter(([, { type }]) => (type === 'optional') === optional).map(([name]) => name);
  return { always: named(false), else: named(true) };
}

/** What is wrong with a line of --json, by what it says of itself; nothing where it is as documented. */
export function faultOfJsonLine(printed: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(printed);
  } catch {
    return 'it is no JSON';
  }
  const head = v.safeParse(
    v.looseObject({ v: v.literal(JSON_VERSION), line: v.picklist(JSON_LINES) }),
    value,
  );
  if (!head.success) return 'it does not say which version and kind of line it is';
  const { line } = head.output;
  const whole = { v: v.literal(JSON_VERSION), line: v.literal(line), ...FIELDS[line] };
  // What a command of pki has done differs from one to the next.
  const parsed = v.safeParse(line === 'pki' ? v.looseObject(whole) : v.strictObject(whole), value);
  if (parsed.success) return undefined;
  const [issue] = parsed.issues;
  return `${line}: ${v.getDotPath(issue) ?? ''}: ${issue.message}`;
}
