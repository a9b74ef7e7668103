import { render } from 'preact';
import { useCallback, useEffect, useState } from 'preact/hooks';
import { ApprovalPage } from './approval.tsx';
import type { TableView } from './fleet-controls.tsx';
import { FleetTable } from './fleet-table.tsx';
import { HostPage } from './host-page.tsx';
import { type Fleet, followFleet } from './live-fleet.ts';
import { hostsInLink } from './order-links.ts';
import { OrderPage } from './orders.tsx';
import { NO_FILTER } from './rows.ts';

const LINKS: Readonly<Record<Fleet['link'], string>> = {
  connecting: 'connecting…',
  live: 'live',
  lost: 'no connection to "nightshift web": it tries again; if the command has ended, start it once more',
  paused: 'paused while the page is not looked at',
};

/** The host that the address names, or undefined for the table. */
function hostIn(hash: string): string | undefined {
  if (!hash.startsWith('#host/')) return undefined;
  try {
    return decodeURIComponent(hash.slice('#host/'.length));
  } catch {
    return undefined;
  }
}

function titleOf(place: string, host: string | undefined): string {
  if (host !== undefined) return `${host} - Nightshift`;
  if (hostsInLink(place) !== undefined) return 'An order - Nightshift';
  return place === '#approval' ? 'Orders - Nightshift' : 'Nightshift';
}

function App() {
  const [fleet, setFleet] = useState<Fleet>({ rows: [], hello: undefined, link: 'connecting' });
  const [place, setPlace] = useState(location.hash);
  const host = hostIn(place);
  const ordered = hostsInLink(place);
  const [view, setView] = useState<TableView>({ filter: NO_FILTER, by: 'nothing', active: '', top: 0 });
  const change = useCallback((part: Partial<TableView>) => setView((before) => ({ ...before, ...part })), []);
  useEffect(() => followFleet(setFleet), []);
  useEffect(() => {
    const turn = (): void => setPlace(location.hash);
    addEventListener('hashchange', turn);
    return () => removeEventListener('hashchange', turn);
  }, []);
  useEffect(() => {
    document.title = titleOf(place, host);
  }, [place]);
  const { hello, link, rows } = fleet;
  const every =
    hello === undefined || hello.refreshSeconds === 0
      ? ''
      : `, asked again every ${Math.round(hello.refreshSeconds / 60)} min`;
  return (
    <div class="app">
      <header>
        {host === undefined && ordered === undefined && place !== '#approval' ? (
          <h1>Nightshift</h1>
        ) : (
          <strong>Nightshift</strong>
        )}
        {hello !== undefined && <span class="soft">tenant {hello.tenant}</span>}
        <span role="status" class={link === 'lost' ? 'bad' : 'soft'}>
          {LINKS[link]}
          {link === 'live' ? every : ''}
        </span>
        <a href="#approval">Orders and drafts</a>
      </header>
      {ordered !== undefined ? (
        <OrderPage key={place} hosts={ordered} />
      ) : place === '#approval' ? (
        <ApprovalPage />
      ) : host === undefined ? (
        <FleetTable fleet={fleet} view={view} change={change} />
      ) : hello === undefined ? (
        <main>…</main>
      ) : (
        <HostPage key={host} host={host} row={rows.find(({ name }) => name === host)} />
      )}
    </div>
  );
}

const root = document.getElementById('page');
if (root !== null) render(<App />, root);
