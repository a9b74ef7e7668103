import type { WebRequest } from '../ports/index.ts';

/**
 * Why a request is turned away whoever sent it, or undefined. A name that was made to point to this machine shows in
 * Host (DNS rebinding); a page of somebody else's shows in Origin or Sec-Fetch-Site.
 */
export function judgeRequest(
  { method, headers }: Pick<WebRequest, 'method' | 'headers'>,
  authority: string,
): string | undefined {
  const { host, origin, fetchSite, contentType } = headers;
  if (host !== authority) return 'this is not the address that it was started at';
  if (method !== 'GET' && method !== 'POST') return 'only GET and POST are known here';
  if (origin !== undefined && origin !== `http://${authority}`) return 'it comes from another page';
  if (fetchSite !== undefined && fetchSite !== 'same-origin' && fetchSite !== 'none') {
    return 'it comes from another page';
  }
  if (method === 'GET') return undefined;
  if (origin === undefined) return 'it does not say which page it comes from';
  return contentType === 'application/json' ? undefined : 'it is not JSON';
}
