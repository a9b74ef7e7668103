import { useState } from 'preact/hooks';
import type { HostRow } from '../src/web/wire.ts';
import { refresh } from './ask-server.ts';
import { GiveOrder } from './give-order.tsx';
import type { Fleet } from './live-fleet.ts';
import { type Filter, GROUPINGS, type GroupBy, valuesOf } from './rows.ts';
import type { Sort } from './sort-rows.ts';

/** What the table is set to; kept while one host's page is looked at. */
export interface TableView {
  readonly filter: Filter;
  readonly by: GroupBy;
  /** Absent: as the configuration has the hosts. */
  readonly sort?: Sort | undefined;
  /** Groups of which only the head is shown. */
  readonly closed?: ReadonlySet<string>;
  readonly active: string;
  readonly top: number;
}

export interface TableProps {
  readonly fleet: Fleet;
  readonly view: TableView;
  readonly change: (part: Partial<TableView>) => void;
}

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

/** Filter and grouping of the fleet, and what is done with the hosts that are left. */
export function FleetControls({
  fleet,
  view,
  change,
  shown,
}: TableProps & { readonly shown: readonly HostRow[] }) {
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
        values={GROUPINGS}
        choose={(chosen) => change({ by: chosen, top: 0, closed: new Set() })}
      />
      <button type="button" onClick={ask} disabled={shown.length === 0}>
        Ask these hosts now
      </button>
      <GiveOrder hosts={shown} />
      <span role="status">
        {shown.length} of {fleet.rows.length} hosts
        {fault !== '' && <strong class="bad"> {fault}</strong>}
      </span>
    </div>
  );
}
