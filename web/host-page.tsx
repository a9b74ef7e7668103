import { useEffect, useRef, useState } from 'preact/hooks';
import type { AnswerTable, HostRow, PageAnswer, Question } from '../src/web/wire.ts';
import { askHost } from './ask-server.ts';
import { momentText, toneOf } from './words.ts';

const SECTIONS: readonly { readonly question: Question; readonly title: string; readonly ask: string }[] = [
  { question: 'status', title: 'Status', ask: 'Ask for status' },
  { question: 'volumes', title: 'Volumes', ask: 'Look at the volumes' },
  { question: 'tasks', title: 'Tasks', ask: 'Ask for tasks' },
  { question: 'audit', title: 'Audit log', ask: 'Read the audit log' },
];

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
  return (
    <>
      <p class="soft">
        <span class={toneOf(answer.reach)}>{answer.reach}</span>, as of {momentText(answer.at)}
      </p>
      {answer.table !== undefined && <Table table={answer.table} label={`${title}, as a table`} />}
      {answer.table === undefined ? (
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

function Section(props: {
  readonly host: string;
  readonly question: Question;
  readonly title: string;
  readonly ask: string;
  readonly atOnce: boolean;
}) {
  const { host, question, title, atOnce } = props;
  const [asked, setAsked] = useState<Asked>({ is: 'idle' });
  const here = useRef(true);
  const ask = (after?: string): void => {
    setAsked({ is: 'asking' });
    askHost({ host, question, ...(after === undefined ? {} : { after }) }).then(
      (answer) => here.current && setAsked({ is: 'answered', answer }),
      (error: Error) => here.current && setAsked({ is: 'fault', why: error.message }),
    );
  };
  useEffect(() => {
    here.current = true;
    if (atOnce) ask();
    return () => {
      here.current = false;
    };
  }, []);
  const next = asked.is === 'answered' ? asked.answer.next : undefined;
  return (
    <section aria-labelledby={`title-${question}`} aria-busy={asked.is === 'asking'}>
      <h2 id={`title-${question}`}>{title}</h2>
      <button type="button" disabled={asked.is === 'asking'} onClick={() => ask()}>
        {asked.is === 'asking' ? 'asking…' : props.ask}
      </button>{' '}
      {next !== undefined && (
        <button type="button" onClick={() => ask(next)}>
          Next page
        </button>
      )}
      {asked.is === 'fault' && (
        <p class="bad" role="alert">
          {asked.why}
        </p>
      )}
      {asked.is === 'answered' && <Answer answer={asked.answer} title={title} />}
    </section>
  );
}

/** One host: what its device says, each part by an order of its own. */
export function HostPage({ host, row }: { readonly host: string; readonly row: HostRow | undefined }) {
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => title.current?.focus(), []);
  return (
    <main class="host-page" tabIndex={-1}>
      <p>
        <a href="#fleet">Back to the fleet</a>
      </p>
      <h1 tabIndex={-1} ref={title}>
        {host}
      </h1>
      {row === undefined ? (
        <p>No such host stands in the configuration.</p>
      ) : (
        <>
          {row.groups.length > 0 && (
            <p class="soft">in {row.groups.map((group) => `@${group}`).join(', ')}</p>
          )}
          {SECTIONS.map((section) => (
            <Section key={section.question} {...section} host={host} atOnce={section.question === 'status'} />
          ))}
        </>
      )}
    </main>
  );
}
