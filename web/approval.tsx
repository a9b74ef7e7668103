import { useEffect, useRef, useState } from 'preact/hooks';
import type { DeskView, DraftBody, DraftSigner, DraftView } from '../src/web/order-wire.ts';
import { askDesk, cosignDraft, dropDraft, importDraft, sendDraft } from './desk.ts';
import { ownText } from './orders.tsx';
import { RunView } from './receipt.tsx';
import { BeSure } from './sure.tsx';

const LARGEST_FILE = 240 * 1024;
const ACTS = { cosign: 'Sign as the second person', send: 'Send it', nothing: '' } as const;

function signerText({ key, name, person, role }: DraftSigner): string {
  if (name === undefined) return `key ${key}: NOT KNOWN HERE`;
  return `${name}${person === undefined || person === name ? '' : ` (${person})`}, ${role}, key ${key}`;
}

function Draft(props: {
  readonly draft: DraftView;
  readonly act: (body: DraftBody, next: 'cosign' | 'send') => Promise<void>;
  readonly drop: (draft: string) => void;
}) {
  const { draft } = props;
  const { id, digest, next } = draft;
  const [busy, setBusy] = useState(false);
  return (
    <section class="to-sign" aria-label={`Draft ${digest.slice(0, 8)}`}>
      <h3>Draft {digest.slice(0, 8)}</h3>
      <pre class="words">{draft.words.join('\n')}</pre>
      <dl class="said">
        <dt>signed by</dt>
        {draft.signers.map((signer) => (
          <dd key={signer.key} class={signer.name === undefined ? 'bad' : ''}>
            {signerText(signer)}
          </dd>
        ))}
        <dt>digest</dt>
        <dd>
          <code>{digest}</code> <span class="soft">(the other person sees the same)</span>
        </dd>
      </dl>
      {draft.why !== '' && <p class={next === 'nothing' ? '' : 'bad'}>{draft.why}</p>}
      {next !== 'nothing' && (
        <BeSure
          key={next}
          id={`${id}-${next}`}
          sure={draft.sure}
          act={ACTS[next]}
          disabled={busy}
          done={(typed) => {
            setBusy(true);
            void props.act({ draft: id, digest, typed }, next).finally(() => setBusy(false));
          }}
        />
      )}
      <p>
        <a href={`drafts/file?draft=${encodeURIComponent(id)}`} download="orders.txt">
          Save as a file
        </a>{' '}
        for the other person: for "Bring a draft" of a page, or for "nightshift cosign".
      </p>
      <button type="button" disabled={busy} onClick={() => props.drop(id)}>
        Put away
      </button>
    </section>
  );
}

function Bring({ bring }: { readonly bring: (text: string) => Promise<boolean> }) {
  const [text, setText] = useState('');
  return (
    <form
      class="order-words"
      onSubmit={(event) => {
        event.preventDefault();
        void bring(text).then((taken) => {
          if (taken) setText('');
        });
      }}
    >
      <div class="field">
        <label for="draft-text">
          The text of a file of orders <span class="soft">-----BEGIN NIGHTSHIFT ORDERS-----</span>
        </label>
        <textarea
          id="draft-text"
          rows={5}
          spellcheck={false}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </div>
      <div class="field">
        <label for="draft-file">or the file</label>
        <input
          id="draft-file"
          type="file"
          onChange={(event) => {
            const file = event.currentTarget.files?.[0];
            if (file === undefined) return;
            if (file.size > LARGEST_FILE) setText('');
            else file.text().then(setText, () => setText(''));
          }}
        />
      </div>
      <button type="submit" disabled={text.trim() === ''}>
        Bring the draft
      </button>
    </form>
  );
}

/** Orders for two people: what is signed, by whom, and the second signature. */
export function ApprovalPage() {
  const [desk, setDesk] = useState<DeskView | null>();
  const [fault, setFault] = useState('');
  const [run, setRun] = useState('');
  const title = useRef<HTMLHeadingElement>(null);
  const look = (): Promise<void> =>
    askDesk().then(setDesk, (error: Error) => {
      setFault(error.message);
    });
  useEffect(() => {
    title.current?.focus();
    void look();
  }, []);
  const doing = async (work: () => Promise<unknown>): Promise<boolean> => {
    setFault('');
    try {
      await work();
      return true;
    } catch (error) {
      setFault((error as Error).message);
      return false;
    } finally {
      await look();
    }
  };
  const act = async (body: DraftBody, next: 'cosign' | 'send'): Promise<void> => {
    await doing(async () => {
      if (next === 'cosign') {
        await cosignDraft(body);
        return;
      }
      const sent = await sendDraft(body);
      if (sent.is === 'sent') setRun(sent.run);
    });
  };
  return (
    <main class="host-page" tabIndex={-1}>
      <p>
        <a href="#fleet">Back to the fleet</a>
      </p>
      <h1 tabIndex={-1} ref={title}>
        Orders
      </h1>
      {fault !== '' && (
        <p class="bad" role="alert">
          {fault}
        </p>
      )}
      {desk === null && <p>This page only looks: it was started with --look-only.</p>}
      {desk !== null && desk !== undefined && (
        <>
          <p class="soft">You sign here as {ownText(desk.me)}.</p>
          {run !== '' && <RunView key={run} run={run} />}
          <h2>Drafts for two people</h2>
          {desk.drafts.length === 0 && <p>None lie here.</p>}
          {desk.drafts.map((draft) => (
            <Draft key={draft.id} draft={draft} act={act} drop={(id) => void doing(() => dropDraft(id))} />
          ))}
          <h2>Bring a draft</h2>
          <Bring bring={(text) => doing(() => importDraft(text))} />
          <h2>Sent from here</h2>
          {desk.runs.length === 0 && <p>Nothing yet.</p>}
          <ul>
            {desk.runs.map(({ run: id, commandLine, hosts, ended }) => (
              <li key={id}>
                <button type="button" onClick={() => setRun(id)}>
                  <code>{commandLine}</code>: {ended} of {hosts} ended
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
    </main>
  );
}
