import type { Fact } from '../src/web/host-wire.ts';
import { momentText } from './words.ts';

const MARKS: Readonly<Record<Fact['tone'], string>> = { good: '✓ ', warn: '! ', bad: '✕ ', plain: '' };

function when({ since, until }: Fact): string {
  const from = since === undefined ? '' : `since ${momentText(since)}`;
  const to = until === undefined ? '' : `given back by ${momentText(until)} at the latest`;
  return [from, to].filter((part) => part !== '').join(', ');
}

/** Power, lock and custody, a line each. */
export function Facts({ facts }: { readonly facts: readonly Fact[] }) {
  return (
    <dl class="facts">
      {facts.map((fact, i) => (
        <div key={`${fact.what} ${i}`}>
          <dt>{fact.what}</dt>
          <dd>
            <span class={fact.tone === 'plain' ? '' : fact.tone}>
              {MARKS[fact.tone]}
              {fact.says}
            </span>
            {when(fact) !== '' && <span class="soft"> {when(fact)}</span>}
          </dd>
        </div>
      ))}
    </dl>
  );
}
