import { MOST_ORDERED, orderLink } from './order-links.ts';

/** Leads to where an order to these hosts is given, where they are not too many for one. */
export function GiveOrder({ hosts }: { readonly hosts: readonly { readonly name: string }[] }) {
  if (hosts.length === 0) return null;
  const link = hosts.length > MOST_ORDERED ? undefined : orderLink(hosts.map(({ name }) => name));
  if (link === undefined) {
    return <span class="soft">For an order: filter to {MOST_ORDERED} hosts or fewer</span>;
  }
  return <a href={link}>{hosts.length === 1 ? 'Give an order' : 'Give them an order'}</a>;
}
