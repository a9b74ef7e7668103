import type { ChainView } from '../src/web/host-wire.ts';
import { ChainPicture } from './chain-picture.tsx';
import { healthOf, roleOf, speedText } from './chain-words.ts';

const COLUMNS = [
  'place',
  'unit',
  'how it is',
  'state',
  'drive',
  'drive link',
  'link to the host',
  'link away',
  'role',
  'flags',
  'last change',
];

/** The same as the picture, for who reads or hears it. */
function ChainTable({ chain }: { readonly chain: ChainView }) {
  return (
    <section class="wide" tabIndex={0} aria-label={`Units of ${chain.disk}`}>
      <table>
        <thead>
          <tr>
            {COLUMNS.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {chain.units.map((unit) => {
            const health = healthOf(unit, chain);
            const { drive } = unit;
            return (
              <tr key={unit.unit}>
                <td>{unit.position ?? '?'}</td>
                <th scope="row">{unit.unit}</th>
                <td class={health.tone}>
                  {health.mark} {health.word}
                </td>
                <td>
                  {unit.state} {unit.stateWords}
                </td>
                <td>{drive === undefined ? 'none' : `${drive.model} S/N ${drive.serial}, ${drive.size}`}</td>
                <td>{drive === undefined ? '' : speedText(unit.driveLink)}</td>
                <td>{speedText(unit.linkUp)}</td>
                <td>{speedText(unit.linkDown)}</td>
                <td>{roleOf(unit)}</td>
                <td>{unit.flags.join(', ')}</td>
                <td>{unit.changed}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

/** Told at once; the others on demand, so that the picture is not far. */
const TROUBLES = 3;

function Troubles({ troubles }: { readonly troubles: ChainView['troubles'] }) {
  return (
    <>
      {troubles.map(({ code, sentence, remedy }) => (
        <li key={`${code} ${sentence}`} class="bad">
          {code}: {sentence} <span class="soft">{remedy}</span>
        </li>
      ))}
    </>
  );
}

function Standing({ chain }: { readonly chain: ChainView }) {
  const { array } = chain;
  return (
    <ul>
      <li>
        {chain.state} {chain.stateWords}; the host sees {chain.shown}
        {chain.degraded && <strong class="warn">; DEGRADED</strong>}
        {chain.held && <strong class="warn">; HELD</strong>}
      </li>
      <li class={chain.inStep ? '' : 'warn'}>
        {chain.chain === undefined ? 'not enrolled in a chain' : `chain ${chain.chain}`}; tables{' '}
        {chain.inStep ? 'in step' : 'NOT IN STEP'}
      </li>
      {array !== undefined && (
        <li class={array.state === 'healthy' ? 'good' : array.state === 'down' ? 'bad' : 'warn'}>
          {array.state === 'healthy' ? 'mirrors in step' : `mirrors: ${array.state}`}; {array.kind}:{' '}
          {array.sentence}
        </li>
      )}
      <Troubles troubles={chain.troubles.slice(0, TROUBLES)} />
      {chain.troubles.length > TROUBLES && (
        <li>
          <details>
            <summary>and {chain.troubles.length - TROUBLES} more troubles</summary>
            <ul>
              <Troubles troubles={chain.troubles.slice(TROUBLES)} />
            </ul>
          </details>
        </li>
      )}
    </ul>
  );
}

/** All chains of a host: how each stands, its picture and its table. */
export function Chains({ chains }: { readonly chains: readonly ChainView[] }) {
  return (
    <>
      {chains.map((chain) => (
        <section key={chain.disk} aria-label={`Chain ${chain.disk}`}>
          <h3>{chain.disk}</h3>
          <Standing chain={chain} />
          <ChainPicture chain={chain} />
          <details>
            <summary>as a table</summary>
            <ChainTable chain={chain} />
          </details>
        </section>
      ))}
    </>
  );
}
