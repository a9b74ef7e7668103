import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { HostRow } from '../src/web/wire.ts';
import { FleetControls, type TableProps, type TableView } from './fleet-controls.tsx';
import { filterRows, groupRows, type Item, lineAfter, rowWindow, scrollFor } from './rows.ts';
import { COLUMNS, type Column, nextSort, type Sort, sortRows } from './sort-rows.ts';
import { addressOf, viewAt } from './table-address.ts';
import { momentText, toneOf } from './words.ts';

const ROW_HEIGHT = 30;
/** An address is written once a typist pauses: browsers count how often it changes. */
const ADDRESS_MS = 300;

const linkTo = (host: string): string => `#host/${encodeURIComponent(host)}`;

function cells(row: HostRow): readonly preact.ComponentChild[] {
  return [
    <a href={linkTo(row.name)} tabIndex={-1}>
      {row.name}
    </a>,
    row.asking ? <span class="soft">asking…</span> : <span class={toneOf(row.reach)}>{row.reach}</span>,
    row.power,
    row.lock.startsWith('disabled') ? <strong class="warn">{row.lock}</strong> : row.lock,
    row.disks,
    row.at === undefined ? '' : `${row.running} + ${row.queued}`,
    momentText(row.at),
    row.says,
  ];
}

function Head({ sort, choose }: { readonly sort: Sort | undefined; readonly choose: (by: Column) => void }) {
  return (
    <div role="row" aria-rowindex={1} class="row head">
      {COLUMNS.map((column) => {
        const order = sort?.by !== column ? 'none' : sort.falling ? 'descending' : 'ascending';
        return (
          <span key={column} role="columnheader" aria-sort={order}>
            <button type="button" onClick={() => choose(column)}>
              {column}
              <span aria-hidden="true">{order === 'none' ? '' : order === 'ascending' ? ' ▲' : ' ▼'}</span>
            </button>
          </span>
        );
      })}
    </div>
  );
}

function Line({
  item,
  index,
  active,
  turn,
}: {
  readonly item: Item;
  readonly index: number;
  readonly active: boolean;
  readonly turn: (label: string) => void;
}) {
  const place = { transform: `translateY(${index * ROW_HEIGHT}px)` };
  const kind = item.is === 'group' ? 'row group' : 'row';
  return (
    <div
      id={`line-${index}`}
      role="row"
      aria-rowindex={index + 2}
      class={active ? `${kind} active` : kind}
      style={place}
    >
      {item.is === 'group' ? (
        <span role="gridcell" aria-colspan={COLUMNS.length}>
          <button type="button" tabIndex={-1} aria-expanded={item.open} onClick={() => turn(item.label)}>
            <span aria-hidden="true">{item.open ? '▾ ' : '▸ '}</span>
            {item.label}: {item.count}
            {item.note !== '' && <span class="soft"> ({item.note})</span>}
          </button>
        </span>
      ) : (
        cells(item.row).map((cell, column) => (
          <span key={COLUMNS[column]} role={column === 0 ? 'rowheader' : 'gridcell'}>
            {cell}
          </span>
        ))
      )}
    </div>
  );
}

/** Takes the setting that the address names, and writes there what it is set to. */
function useAddress(view: TableView, change: TableProps['change']): void {
  const { filter, by, sort } = view;
  const taken = useRef(false);
  useLayoutEffect(() => {
    const take = (): void => {
      const named = viewAt(location.hash);
      if (named !== undefined) change({ ...named, top: 0 });
    };
    take();
    addEventListener('hashchange', take);
    return () => removeEventListener('hashchange', take);
  }, []);
  useEffect(() => {
    // The first is the setting before the address was read.
    if (!taken.current) {
      taken.current = true;
      if (viewAt(location.hash) !== undefined) return undefined;
    }
    const later = setTimeout(
      () => history.replaceState(null, '', addressOf({ filter, by, sort })),
      ADDRESS_MS,
    );
    return () => clearTimeout(later);
  }, [filter, by, sort]);
}

/** The fleet: only the lines that can be seen are in the document. Arrow keys move, Enter opens a host. */
export function FleetTable(props: TableProps) {
  const { fleet, view, change } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [height, setHeight] = useState(600);
  const shown = useMemo(() => filterRows(fleet.rows, view.filter), [fleet.rows, view.filter]);
  const sorted = useMemo(() => sortRows(shown, view.sort), [shown, view.sort]);
  const items = useMemo(() => groupRows(sorted, view.by, view.closed), [sorted, view.by, view.closed]);
  const { first, end } = rowWindow(items.length, ROW_HEIGHT, view.top, height);
  const active = items.findIndex(({ key }) => key === view.active);
  useAddress(view, change);

  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) return undefined;
    const measured = new ResizeObserver(() => setHeight(element.clientHeight));
    measured.observe(element);
    return () => measured.disconnect();
  }, []);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element !== null && Math.abs(element.scrollTop - view.top) > 1) element.scrollTop = view.top;
  }, [view.top, items.length]);

  const turn = (label: string): void => {
    const closed = new Set(view.closed);
    if (!closed.delete(label)) closed.add(label);
    change({ closed, active: label });
  };
  const press = (event: KeyboardEvent): void => {
    // A column's head is a button of its own.
    if (event.target !== event.currentTarget) return;
    const item = items[active];
    if (item?.is === 'group' && /^(Enter| |Arrow(Left|Right))$/.test(event.key)) {
      event.preventDefault();
      const wanted = event.key === 'ArrowRight' || (event.key !== 'ArrowLeft' && !item.open);
      if (wanted !== item.open) turn(item.label);
      return;
    }
    if (event.key === 'Enter' && item?.is === 'host') {
      location.hash = linkTo(item.row.name);
      return;
    }
    const to = lineAfter(event.key, active, items.length, Math.max(1, Math.floor(height / ROW_HEIGHT) - 1));
    if (to === undefined) return;
    event.preventDefault();
    change({ active: items[to]?.key ?? '', top: scrollFor(to, ROW_HEIGHT, view.top, height) });
  };
  const seen = active >= first && active < end;
  return (
    <main class="table-page">
      <FleetControls {...props} shown={shown} />
      <div
        class="grid"
        role="grid"
        aria-label="Fleet"
        aria-rowcount={items.length + 1}
        aria-colcount={COLUMNS.length}
        aria-activedescendant={seen ? `line-${active}` : undefined}
        aria-describedby="keys"
        tabIndex={0}
        onKeyDown={press}
      >
        <Head sort={view.sort} choose={(by) => change({ sort: nextSort(view.sort, by), top: 0 })} />
        <div
          class="scroll"
          role="rowgroup"
          tabIndex={-1}
          ref={scroller}
          onScroll={(event) => change({ top: event.currentTarget.scrollTop })}
        >
          <div role="presentation" style={{ height: `${items.length * ROW_HEIGHT}px` }} />
          {items.slice(first, end).map((item, i) => (
            <Line key={item.key} item={item} index={first + i} active={first + i === active} turn={turn} />
          ))}
        </div>
      </div>
      <p id="keys" class="soft">
        In the table: arrow keys, Page Up, Page Down, Home and End move, Enter opens a host, or a group. A
        column's head sorts. Tasks: running + queued. The address keeps filter, groups and order.
      </p>
    </main>
  );
}
