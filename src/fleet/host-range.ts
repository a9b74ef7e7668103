import { NsError } from '../base/index.ts';

/** One command reaches no more hosts than this. */
export const MAX_HOSTS = 16_384;
/** As much as a list of so many long names takes. */
export const MAX_HOSTS_TEXT = 1024 * 1024;
/** Names may be written more than once, and not without end. */
const MAX_WRITTEN = 4 * MAX_HOSTS;
const SHOWN = 80;

export function hostsInvalid(text: string, why: string): NsError {
  const shown = text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
  return new NsError('NS_HOSTS_INVALID', `"${shown}" names no hosts: ${why}`, { family: 'caller' });
}

/** Splits at commas that stand outside brackets. */
export function splitOutside(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i += 1) {
    if (text[i] === '[') depth += 1;
    else if (text[i] === ']') depth -= 1;
    if (depth > 1) throw hostsInvalid(text, 'a bracket inside a bracket');
    if (depth < 0) throw hostsInvalid(text, '"]" without "["');
    if (text[i] === ',' && depth === 0) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  if (depth > 0) throw hostsInvalid(text, '"[" without "]"');
  parts.push(text.slice(start));
  return parts;
}

/** "1-4" or "01-12" or "7"; a leading zero keeps the width. */
function expandSpan(span: string, whole: string): string[] {
  const match = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(span);
  if (match === null) throw hostsInvalid(whole, `"${span}" is neither a number nor a range such as 1-4`);
  const [, from = '', to = from] = match;
  const first = Number(from);
  const last = Number(to);
  if (last < first) throw hostsInvalid(whole, `${span} counts down`);
  if (last - first >= MAX_HOSTS) throw hostsInvalid(whole, `${span} is more than ${MAX_HOSTS} hosts`);
  if (from.startsWith('0') && from.length > 1 && to.length !== from.length) {
    throw hostsInvalid(whole, `${span} has two widths; write ${from}-${to.padStart(from.length, '0')}`);
  }
  const width = from.startsWith('0') ? from.length : 0;
  return Array.from({ length: last - first + 1 }, (_, i) => String(first + i).padStart(width, '0'));
}

function tooMany(whole: string): NsError {
  return hostsInvalid(whole, `it stands for more than ${MAX_HOSTS} hosts`);
}

function expandPart(part: string, whole: string): string[] {
  let names = [''];
  for (const [, plain = '', spans] of part.matchAll(/([^[\]]*)(?:\[([^\]]*)\])?/g)) {
    const tails = spans === undefined ? [''] : [];
    for (const span of spans?.split(',') ?? []) {
      for (const tail of expandSpan(span, whole)) tails.push(tail);
      if (names.length * tails.length > MAX_HOSTS) throw tooMany(whole);
    }
    names = names.flatMap((name) => tails.map((tail) => name + plain + tail));
  }
  return names;
}

/**
 * "rack[1-4],db1,web[01-12,20]" to names, each once, in the order written. NS_HOSTS_INVALID says what is wrong.
 * A part that begins with "@" stays as it is: it names a group.
 */
export function expandHosts(text: string): string[] {
  if (text.length > MAX_HOSTS_TEXT) throw hostsInvalid(text, 'it is too long');
  const names = new Set<string>();
  let written = 0;
  for (const part of splitOutside(text)) {
    const trimmed = part.trim();
    if (trimmed === '') throw hostsInvalid(text, 'a name between two commas is missing');
    const expanded = expandPart(trimmed, text);
    written += expanded.length;
    for (const name of expanded) names.add(name);
    if (names.size > MAX_HOSTS) throw tooMany(text);
    if (written > MAX_WRITTEN) throw hostsInvalid(text, 'it names the same hosts again and again');
  }
  return [...names];
}
