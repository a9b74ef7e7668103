/** As many hosts as one address names. */
export const MOST_ORDERED = 64;

/** Where an order to these hosts is given; undefined where they are none, or too many. */
export function orderLink(hosts: readonly string[]): string | undefined {
  if (hosts.length === 0 || hosts.length > MOST_ORDERED) return undefined;
  return `#order/${encodeURIComponent(hosts.join(','))}`;
}

/** The hosts that such an address names; undefined for any other address. */
export function hostsInLink(hash: string): readonly string[] | undefined {
  if (!hash.startsWith('#order/')) return undefined;
  try {
    const names = decodeURIComponent(hash.slice('#order/'.length)).split(',');
    return [...new Set(names.filter((name) => name !== ''))].slice(0, MOST_ORDERED);
  } catch {
    return [];
  }
}
