import { useEffect, useRef } from 'preact/hooks';
import type { HostRow } from '../src/web/wire.ts';
import { GiveOrder } from './give-order.tsx';
import { HostLive } from './host-live.tsx';
import { AskedSection } from './question.tsx';

/** One host: what its device says, each part by an order of its own, and what it does, live. */
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
      {row !== undefined && (
        <p>
          <GiveOrder hosts={[row]} />
        </p>
      )}
      {row === undefined ? (
        <p>No such host stands in the configuration.</p>
      ) : (
        <>
          {row.groups.length > 0 && (
            <p class="soft">in {row.groups.map((group) => `@${group}`).join(', ')}</p>
          )}
          <AskedSection host={host} question="status" title="Power and custody" ask="Ask for status" atOnce />
          <AskedSection host={host} question="volumes" title="Volumes" ask="Look at the volumes" />
          <AskedSection host={host} question="chain" title="Chain of disks" ask="Look at the chain" />
          <HostLive host={host} />
          <AskedSection host={host} question="audit" title="Audit log" ask="Read the audit log" numbered />
        </>
      )}
    </main>
  );
}
