import type { WebReply } from '../ports/index.ts';
import type { Fault } from './order-wire.ts';

/** Nothing from anywhere else, no script or style inside the page, in no frame; no text becomes HTML. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const HEADERS = {
  'content-security-policy': POLICY,
  'cache-control': 'no-store',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const;

export function whole(
  status: number,
  type: string,
  content: string | Uint8Array,
  more: Readonly<Record<string, string>> = {},
): WebReply {
  return {
    status,
    headers: { ...HEADERS, 'content-type': type, ...more },
    body: { is: 'whole', content },
  };
}

export function said(
  status: number,
  sentence: string,
  more: Readonly<Record<string, string>> = {},
): WebReply {
  return whole(status, 'text/plain; charset=utf-8', `${sentence}\n`, more);
}

export function json(value: unknown): WebReply {
  return whole(200, 'application/json', JSON.stringify(value));
}

/** A POST that does nothing says why. */
export function fault(status: number, value: Fault): WebReply {
  return whole(status, 'application/json', JSON.stringify(value));
}

/** A file that the browser saves and does not show. Its name holds nothing but letters, digits, ".", "_" and "-". */
export function saved(name: string, type: string, content: string | Uint8Array): WebReply {
  const plain = name.replace(/[^A-Za-z0-9._-]/g, '_').slice(0, 128);
  return whole(200, type, content, { 'content-disposition': `attachment; filename="${plain}"` });
}

export function stream(begin: (send: (text: string) => boolean) => void): WebReply {
  return {
    status: 200,
    headers: { ...HEADERS, 'content-type': 'text/event-stream' },
    body: { is: 'stream', begin },
  };
}
