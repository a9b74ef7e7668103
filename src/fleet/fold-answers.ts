import { foldHosts, groupEqual } from './fold-hosts.ts';

/** What one host answered, as text of several lines; `dead` where nothing came from it. */
export interface HostText {
  readonly host: string;
  readonly text: string;
  readonly dead: boolean;
}

const TIME = /\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ/g;

/**
 * Equal answers once, in the order in which each came first; those from whom nothing came stand apart, behind all others. These
 * differ in the times until which their orders are good, and the latest is shown.
 */
export function foldAnswers(answers: readonly HostText[]): string[] {
  const alive = answers.filter(({ dead }) => !dead);
  const dead = answers.filter((answer) => answer.dead);
  return [...groupEqual(alive).flatMap(shown), ...foldDead(dead).flatMap(shown)];
}

function foldDead(
  answers: readonly HostText[],
): { readonly hosts: readonly string[]; readonly text: string }[] {
  const latest = new Map<string, string>();
  const masked = answers.map(({ host, text }) => {
    const mask = text.replaceAll(TIME, '\u0000');
    for (const [time] of text.matchAll(TIME)) {
      if (time > (latest.get(mask) ?? '')) latest.set(mask, time);
    }
    return { host, text: mask };
  });
  return groupEqual(masked).map(({ hosts, text }) => ({
    hosts,
    text: text.replaceAll('\u0000', latest.get(text) ?? ''),
  }));
}

function shown({ hosts, text }: { readonly hosts: readonly string[]; readonly text: string }): string[] {
  const [first = '', ...rest] = text.split('\n');
  return [`${foldHosts(hosts)}: ${first}`, ...rest.map((line) => `  ${line}`)];
}
