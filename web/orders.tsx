import { useEffect, useRef, useState } from 'preact/hooks';
import type { DeskView, OwnKey, PrepareBody, Prepared } from '../src/web/order-wire.ts';
import { askDesk, confirm, prepare } from './desk.ts';
import { OrderWords } from './order-form.tsx';
import { RunView } from './receipt.tsx';
import { BeSure } from './sure.tsx';
import { momentText } from './words.ts';

export function ownText({ key, name, person, role }: OwnKey): string {
  if (name === undefined) return `key ${key}, which is not among the people of the configuration`;
  return `${name}${person === undefined || person === name ? '' : ` (${person})`}, ${role}, key ${key}`;
}

/** True from this second on. */
function useLate(until: number): boolean {
  const [late, setLate] = useState(false);
  useEffect(() => {
    setLate(false);
    const timer = setTimeout(() => setLate(true), Math.max(0, until * 1000 - Date.now()));
    return () => clearTimeout(timer);
  }, [until]);
  return late;
}

function WhatWasTried({ prepared }: { readonly prepared: Prepared }) {
  if (prepared.tried.length === 0) return null;
  return (
    <section aria-label="Tried dry">
      <h3>Tried dry: what each host would do</h3>
      {prepared.tried.map(({ host, taken, lines }) => (
        <div key={host}>
          <strong class={taken ? '' : 'bad'}>
            {host}
            {taken ? '' : ': left out'}
          </strong>
          <pre>{lines.join('\n')}</pre>
        </div>
      ))}
    </section>
  );
}

function Shown(props: {
  readonly prepared: Prepared;
  readonly me: OwnKey;
  readonly busy: boolean;
  readonly confirm: (typed: string) => void;
  readonly leave: () => void;
}) {
  const { prepared, me, busy } = props;
  const title = useRef<HTMLHeadingElement>(null);
  const late = useLate(prepared.until);
  useEffect(() => title.current?.focus(), [prepared.id]);
  const act = prepared.people === 2 ? 'Sign as the first of two people' : 'Sign and send';
  return (
    <section class="to-sign" aria-labelledby="to-sign">
      <h2 id="to-sign" tabIndex={-1} ref={title}>
        This will be signed
      </h2>
      <pre class="words">{prepared.words.join('\n')}</pre>
      <dl class="said">
        <dt>by</dt>
        <dd>{ownText(me)}</dd>
        <dt>digest</dt>
        <dd>
          <code>{prepared.digest}</code>
        </dd>
        <dt>on a command line</dt>
        <dd>
          <code>{prepared.commandLine}</code>
        </dd>
        <dt>good until</dt>
        <dd>{prepared.validUntil === undefined ? 'see above' : momentText(prepared.validUntil)}</dd>
      </dl>
      <WhatWasTried prepared={prepared} />
      {late ? (
        <p class="bad" role="alert">
          This has waited for too long; nothing was signed. Show it anew.
        </p>
      ) : (
        <p class="soft">It waits for your confirmation until {momentText(prepared.until)}.</p>
      )}
      <BeSure
        key={prepared.id}
        id={prepared.id}
        sure={prepared.sure}
        act={act}
        disabled={busy || late}
        done={props.confirm}
      />
      <button type="button" onClick={props.leave}>
        Leave it
      </button>
    </section>
  );
}

type Stage =
  | { readonly is: 'words' }
  | { readonly is: 'shown'; readonly prepared: Prepared }
  | { readonly is: 'sent'; readonly run: string }
  | { readonly is: 'draft' };

/** Gives one order to these hosts: its words, what will be signed, the confirmation, and how it ends. */
export function OrderPage({ hosts }: { readonly hosts: readonly string[] }) {
  const [desk, setDesk] = useState<DeskView | null | undefined>(undefined);
  const [command, setCommand] = useState('');
  const [stage, setStage] = useState<Stage>({ is: 'words' });
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState('');
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    title.current?.focus();
    askDesk().then(setDesk, (error: Error) => setFault(error.message));
  }, []);
  const doing = (work: Promise<Stage>): void => {
    setBusy(true);
    setFault('');
    work.then(setStage, (error: Error) => setFault(error.message)).finally(() => setBusy(false));
  };
  const ask = (body: Omit<PrepareBody, 'hosts'>, to: readonly string[] = hosts): void =>
    doing(prepare({ ...body, hosts: to }).then((prepared) => ({ is: 'shown', prepared })));
  const [asked, setAsked] = useState<Omit<PrepareBody, 'hosts'>>();
  const form = desk?.forms.find((each) => each.command === command);
  const [only = ''] = hosts;
  return (
    <main class="host-page" tabIndex={-1}>
      <p>
        <a href={hosts.length === 1 ? `#host/${encodeURIComponent(only)}` : '#fleet'}>
          Back to {hosts.length === 1 ? only : 'the fleet'}
        </a>
      </p>
      <h1 tabIndex={-1} ref={title}>
        An order to {hosts.length === 1 ? only : `${hosts.length} hosts`}
      </h1>
      {hosts.length > 1 && <p class="soft">{hosts.join(', ')}</p>}
      {desk === null && <p>This page only looks: it was started with --look-only.</p>}
      {desk !== null && desk !== undefined && (
        <>
          <div class="field">
            <label for="command">order</label>
            <select
              id="command"
              value={command}
              onChange={(event) => {
                setCommand(event.currentTarget.value);
                setStage({ is: 'words' });
                setFault('');
              }}
            >
              <option value="">choose</option>
              {desk.forms.map(({ command: name, changes }) => (
                <option key={name} value={name}>
                  {name}
                  {changes ? '' : ' (only looks)'}
                </option>
              ))}
            </select>
          </div>
          {form !== undefined && (
            <>
              <p>{form.says}</p>
              <OrderWords
                key={form.command}
                form={form}
                busy={busy}
                prepare={(words) => {
                  const body = { command: form.command, ...words };
                  setAsked(body);
                  ask(body);
                }}
              />
            </>
          )}
          {fault !== '' && (
            <p class="bad" role="alert">
              {fault}
            </p>
          )}
          {stage.is === 'shown' && (
            <Shown
              prepared={stage.prepared}
              me={desk.me}
              busy={busy}
              leave={() => setStage({ is: 'words' })}
              confirm={(typed) => {
                const { id, digest } = stage.prepared;
                doing(
                  confirm({ id, digest, typed }).then((answer) =>
                    answer.is === 'sent' ? { is: 'sent', run: answer.run } : { is: 'draft' },
                  ),
                );
              }}
            />
          )}
          {stage.is === 'draft' && (
            <p role="status">
              You have signed it as the first of two people; nothing was sent.{' '}
              <a href="#approval">See the draft, and hand it to the second person</a>
            </p>
          )}
          {stage.is === 'sent' && (
            <RunView
              key={stage.run}
              run={stage.run}
              more={(host, after) => asked !== undefined && ask({ ...asked, after }, [host])}
            />
          )}
        </>
      )}
      {desk === undefined && fault !== '' && (
        <p class="bad" role="alert">
          {fault}
        </p>
      )}
    </main>
  );
}
