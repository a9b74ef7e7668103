import { useEffect, useRef, useState } from 'preact/hooks';
import type { AnswerTable, PageAnswer, Question } from '../src/web/wire.ts';
import { askHost } from './ask-server.ts';
import { Chains } from './chain-table.tsx';
import { Facts } from './host-facts.tsx';
import { momentText, toneOf } from './words.ts';

function Table({ table, label }: { readonly table: AnswerTable; readonly label: string }) {
  if (table.rows.length === 0) return null;
  return (
    <section class="wide" tabIndex={0} aria-label={label}>
      <table>
        <thead>
          <tr>
            {table.columns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row) => (
            <tr key={row[0]}>
              {row.map((cell, column) => (
                <td key={table.columns[column]}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Answer({ answer, title }: { readonly answer: PageAnswer; readonly title: string }) {
  const { table, facts, chains } = answer;
  return (
    <>
      <p class="soft">
        <span class={toneOf(answer.reach)}>{answer.reach}</span>, as of {momentText(answer.at)}
      </p>
      {facts !== undefined && <Facts facts={facts} />}
      {chains !== undefined && <Chains chains={chains} />}
      {table !== undefined && <Table table={table} label={`${title}, as a table`} />}
      {table === undefined && facts === undefined && chains === undefined ? (
        <pre>{answer.lines.join('\n')}</pre>
      ) : (
        <details>
          <summary>as the command prints it</summary>
          <pre>{answer.lines.join('\n')}</pre>
        </details>
      )}
    </>
  );
}

type Asked =
  | { readonly is: 'idle' }
  | { readonly is: 'asking' }
  | { readonly is: 'answered'; readonly answer: PageAnswer }
  | { readonly is: 'fault'; readonly why: string };

/** Where a page begins; undefined: at the beginning. */
type From = string | undefined;

function EntryFrom({ go, busy }: { readonly go: (from: string) => void; readonly busy: boolean }) {
  const [from, setFrom] = useState('');
  return (
    <form
      class="inline"
      onSubmit={(event) => {
        event.preventDefault();
        if (/^\d{1,15}$/.test(from)) go(from);
      }}
    >
      <label>
        from entry{' '}
        <input
          inputMode="numeric"
          size={8}
          value={from}
          onInput={(event) => setFrom(event.currentTarget.value)}
        />
      </label>{' '}
      <button type="submit" disabled={busy || !/^\d{1,15}$/.test(from)}>
        Go there
      </button>
    </form>
  );
}

export interface QuestionProps {
  readonly host: string;
  readonly question: Question;
  readonly title: string;
  readonly ask: string;
  /** Asked as soon as it is shown. */
  readonly atOnce?: boolean;
  /** Pages are numbered, so that one can be gone to. */
  readonly numbered?: boolean;
}

/** One question to the host, by an order of its own; its answer in pages, forwards and back. */
export function AskedSection({ host, question, title, ask: words, atOnce, numbered }: QuestionProps) {
  const [asked, setAsked] = useState<Asked>({ is: 'idle' });
  const [trail, setTrail] = useState<readonly From[]>([]);
  const here = useRef(true);
  const ask = (to: readonly From[]): void => {
    const after = to.at(-1);
    setAsked({ is: 'asking' });
    askHost({ host, question, ...(after === undefined ? {} : { after }) }).then(
      (answer) => {
        if (!here.current) return;
        setTrail(to);
        setAsked({ is: 'answered', answer });
      },
      (error: Error) => here.current && setAsked({ is: 'fault', why: error.message }),
    );
  };
  useEffect(() => {
    here.current = true;
    if (atOnce === true) ask([undefined]);
    return () => {
      here.current = false;
    };
  }, []);
  const busy = asked.is === 'asking';
  const next = asked.is === 'answered' ? asked.answer.next : undefined;
  return (
    <section aria-labelledby={`title-${question}`} aria-busy={busy}>
      <h2 id={`title-${question}`}>{title}</h2>
      <div class="pager">
        <button type="button" disabled={busy} onClick={() => ask([undefined])}>
          {busy ? 'asking…' : words}
        </button>
        {trail.length > 1 && (
          <button type="button" disabled={busy} onClick={() => ask(trail.slice(0, -1))}>
            Previous page
          </button>
        )}
        {next !== undefined && (
          <button type="button" onClick={() => ask([...trail, next])}>
            Next page
          </button>
        )}
        {numbered === true && asked.is !== 'idle' && (
          <EntryFrom busy={busy} go={(from) => ask([undefined, from])} />
        )}
        {trail.length > 1 && <span class="soft">page {trail.length}</span>}
      </div>
      {asked.is === 'fault' && (
        <p class="bad" role="alert">
          {asked.why}
        </p>
      )}
      {asked.is === 'answered' && <Answer answer={asked.answer} title={title} />}
    </section>
  );
}
