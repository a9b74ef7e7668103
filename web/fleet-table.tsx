import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { HostRow } from '../src/web/wire.ts';
import { refresh } from './ask-server.ts';
import { GiveOrder } from './give-order.tsx';
import type { Fleet } from './live-fleet.ts';
import {
  type Filter,
  filterRows,
  type GroupBy,
  groupRows,
  type Item,
  lineAfter,
  rowWindow,
  scrollFor,
  valuesOf,
} from './rows.ts';
import { momentText, toneOf } from './words.ts';

const ROW_HEIGHT = 30;
const COLUMNS = ['host', 'device', 'power', 'lock', 'disks', 'tasks', 'as of', 'note'];

/** What the table is set to; kept while one host's page is looked at. */
export interface TableView {
  readonly filter: Filter;
  readonly by: GroupBy;
  readonly active: string;
  readonly top: number;
}

interface TableProps {
  readonly fleet: Fleet;
  readonly view: TableView;
  readonly change: (part: Partial<TableView>) => void;
}

const linkTo = (host: string): string => `#host/${encodeURIComponent(host)}`;

function Choice<T extends string>(props: {
  readonly label: string;
  readonly value: T;
  readonly values: readonly T[];
  readonly none?: string;
  readonly choose: (value: T) => void;
}) {
  return (
    <label>
      {props.label}
      <select value={props.value} onChange={(event) => props.choose(event.currentTarget.value as T)}>
        {props.none !== undefined && <option value="">{props.none}</option>}
        {props.values.map((value) => (
          <option key={value} value={value}>
            {value}
          </option>
        ))}
      </select>
    </label>
  );
}

function Controls({ fleet, view, change, shown }: TableProps & { readonly shown: readonly HostRow[] }) {
  const { filter, by } = view;
  const narrow = (part: Partial<Filter>): void => change({ filter: { ...filter, ...part }, top: 0 });
  const [fault, setFault] = useState('');
  const ask = (): void => {
    const hosts = shown.length === fleet.rows.length ? 'all' : shown.map(({ name }) => name);
    refresh(hosts).then(
      () => setFault(''),
      (error: Error) => setFault(error.message),
    );
  };
  const values = <C extends 'power' | 'lock' | 'reach'>(column: C): string[] => {
    const found = valuesOf(fleet.rows, column);
    const chosen = filter[column];
    return chosen === '' || found.includes(chosen) ? [...found] : [...found, chosen];
  };
  return (
    <div class="controls">
      <label>
        filter
        <input
          type="search"
          value={filter.words}
          onInput={(event) => narrow({ words: event.currentTarget.value })}
        />
      </label>
      <Choice
        label="device"
        value={filter.reach}
        values={values('reach') as Filter['reach'][]}
        none="any"
        choose={(reach) => narrow({ reach })}
      />
      <Choice
        label="power"
        value={filter.power}
        values={values('power')}
        none="any"
        choose={(power) => narrow({ power })}
      />
      <Choice
        label="lock"
        value={filter.lock}
        values={values('lock')}
        none="any"
        choose={(lock) => narrow({ lock })}
      />
      <Choice
        label="grouped by"
        value={by}
        values={['nothing', 'group', 'power', 'lock', 'reach']}
        choose={(chosen) => change({ by: chosen, top: 0 })}
      />
      <button type="button" onClick={ask} disabled={shown.length === 0}>
        Ask these hosts now
      </button>
      <GiveOrder hosts={shown.map(({ name }) => name)} />
      <span role="status">
        {shown.length} of {fleet.rows.length} hosts
        {fault !== '' && <strong class="bad"> {fault}</strong>}
      </span>
    </div>
  );
}

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

function Line({
  item,
  index,
  active,
}: {
  readonly item: Item;
  readonly index: number;
  readonly active: boolean;
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
          {item.label}: {item.count}
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

/** The fleet: only the lines that can be seen are in the document. Arrow keys move, Enter opens a host. */
export function FleetTable(props: TableProps) {
  const { fleet, view, change } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [height, setHeight] = useState(600);
  const shown = useMemo(() => filterRows(fleet.rows, view.filter), [fleet.rows, view.filter]);
  const items = useMemo(() => groupRows(shown, view.by), [shown, view.by]);
  const { first, end } = rowWindow(items.length, ROW_HEIGHT, view.top, height);
  const active = items.findIndex(({ key }) => key === view.active);

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

  const press = (event: KeyboardEvent): void => {
    const item = items[active];
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
      <Controls {...props} shown={shown} />
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
        <div role="row" aria-rowindex={1} class="row head">
          {COLUMNS.map((column) => (
            <span key={column} role="columnheader">
              {column}
            </span>
          ))}
        </div>
        <div
          class="scroll"
          role="rowgroup"
          tabIndex={-1}
          ref={scroller}
          onScroll={(event) => change({ top: event.currentTarget.scrollTop })}
        >
          <div role="presentation" style={{ height: `${items.length * ROW_HEIGHT}px` }} />
          {items.slice(first, end).map((item, i) => (
            <Line key={item.key} item={item} index={first + i} active={first + i === active} />
          ))}
        </div>
      </div>
      <p id="keys" class="soft">
        In the table: arrow keys, Page Up, Page Down, Home and End move, Enter opens a host. Tasks: running +
        queued.
      </p>
    </main>
  );
}
