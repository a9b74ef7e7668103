import { useEffect, useRef, useState } from 'preact/hooks';
import type { EndKind, HostEnd, KeptCheck, ReceiptView } from '../src/web/order-wire.ts';
import { checkKept, followRun, NOTHING_YET, type RunState } from './desk.ts';

/** What is apart stays apart: a device that says no, work that went wrong, and no answer at all. */
const ENDS: Readonly<Record<EndKind, { readonly says: string; readonly tone: string }>> = {
  succeeded: { says: 'done', tone: 'good' },
  refused: { says: 'REFUSED', tone: 'warn' },
  failed: { says: 'FAILED', tone: 'bad' },
  cancelled: { says: 'CANCELLED', tone: 'warn' },
  expired: { says: 'EXPIRED', tone: 'warn' },
  unknown: { says: 'UNKNOWN', tone: 'bad' },
  staged: { says: 'staged: NOT done yet', tone: 'warn' },
  unreachable: { says: 'UNREACHABLE', tone: 'bad' },
  'no-answer': { says: 'NO ANSWER', tone: 'bad' },
  conflict: { says: 'CONFLICT', tone: 'bad' },
  'not-sent': { says: 'NOT SENT', tone: 'bad' },
};

const WORTH: Readonly<Record<ReceiptView['verdict'], { readonly says: string; readonly tone: string }>> = {
  holds: { says: 'The receipt holds: nothing in it is wrong, and nothing was left unchecked.', tone: 'good' },
  'not checked': {
    says: 'The receipt holds as far as it could be checked here; see what was not.',
    tone: 'warn',
  },
  WRONG: { says: 'The receipt DOES NOT HOLD: trust nothing of it.', tone: 'bad' },
};

function Kept({ host }: { readonly host: string }) {
  const [check, setCheck] = useState<KeptCheck | string>();
  const [busy, setBusy] = useState(false);
  return (
    <>
      <button
        type="button"
        disabled={busy}
        onClick={() => {
          setBusy(true);
          checkKept(host)
            .then(setCheck, (error: Error) => setCheck(error.message))
            .finally(() => setBusy(false));
        }}
      >
        Check all kept receipts of {host}
      </button>
      {typeof check === 'string' && (
        <p class="bad" role="alert">
          {check}
        </p>
      )}
      {typeof check === 'object' && (
        <div role="status">
          <p class={check.holds ? 'good' : 'bad'}>
            {check.holds ? 'Their chain holds.' : 'Their chain DOES NOT HOLD.'}
          </p>
          <pre>{check.lines.join('\n')}</pre>
        </div>
      )}
    </>
  );
}

function Receipt(props: { readonly run: string; readonly host: string; readonly receipt: ReceiptView }) {
  const { run, host, receipt } = props;
  const { says, tone } = WORTH[receipt.verdict];
  const place = `receipt?run=${encodeURIComponent(run)}&host=${encodeURIComponent(host)}`;
  return (
    <div class="receipt">
      <p class={tone}>{says}</p>
      {receipt.unkept !== undefined && <p class="bad">It could not be kept here: {receipt.unkept}</p>}
      <details>
        <summary>the receipt of {host}, as "nightshift verify" tells of it</summary>
        <pre>{receipt.lines.join('\n')}</pre>
      </details>
      <p>
        <a href={place} download={receipt.file}>
          Save {receipt.file}
        </a>
      </p>
      <Kept host={host} />
    </div>
  );
}

function End(props: {
  readonly run: string;
  readonly end: HostEnd;
  readonly more: ((host: string, after: string) => void) | undefined;
}) {
  const { run, end, more } = props;
  const { says, tone } = ENDS[end.is];
  const { host, code, sentence, remedy, next } = end;
  return (
    <section class="end" aria-label={`${host}: ${says}`}>
      <h3>
        {host}: <span class={tone}>{says}</span>
        {code !== undefined && <code> {code}</code>}
      </h3>
      {sentence !== undefined && <p>{sentence}</p>}
      {remedy !== undefined && <p class="remedy">Remedy: {remedy}</p>}
      <pre>{end.lines.join('\n')}</pre>
      {next !== undefined && more !== undefined && (
        <button type="button" onClick={() => more(host, next)}>
          Show the order for the next page
        </button>
      )}
      {end.receipt !== undefined && <Receipt run={run} host={host} receipt={end.receipt} />}
    </section>
  );
}

function sumText({ note, ends }: RunState): string {
  const kinds = new Map<string, number>();
  for (const { is } of ends) kinds.set(ENDS[is].says, (kinds.get(ENDS[is].says) ?? 0) + 1);
  const sums = [...kinds].map(([says, count]) => `${says}: ${count}`).join(', ');
  return `${ends.length} of ${note?.hosts ?? '…'} have ended${sums === '' ? '' : ` (${sums})`}`;
}

/** Orders from their sending to their ends. The server follows them whether somebody looks or not. */
export function RunView(props: {
  readonly run: string;
  readonly more?: (host: string, after: string) => void;
}) {
  const { run, more } = props;
  const [state, setState] = useState<RunState>(NOTHING_YET);
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    title.current?.focus();
    return followRun(run, setState);
  }, [run]);
  return (
    <section class="run" aria-labelledby={`run-${run}`}>
      <h2 id={`run-${run}`} tabIndex={-1} ref={title}>
        {state.link === 'over' ? 'How it ended' : 'On its way'}
      </h2>
      <p role="status">{sumText(state)}</p>
      {state.note !== undefined && (
        <p>
          <code>{state.note.commandLine}</code>
        </p>
      )}
      {state.link === 'lost' && (
        <p class="bad" role="alert">
          No connection to "nightshift web": the order goes on all the same; what becomes of it is shown when
          the connection is back.
        </p>
      )}
      {state.progress.size > 0 && (
        <ul class="progress" aria-label="On their way">
          {[...state.progress].map(([host, text]) => (
            <li key={host}>
              <strong>{host}</strong> {text}
            </li>
          ))}
        </ul>
      )}
      {state.ends.map((end) => (
        <End key={end.host} run={run} end={end} more={more} />
      ))}
    </section>
  );
}
