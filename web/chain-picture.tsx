import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { ChainUnitView, ChainView } from '../src/web/host-wire.ts';
import { type Box, type Cable, layoutChain } from './chain-layout.ts';
import { chainSentence, fitted, healthOf, roleOf, speedText } from './chain-words.ts';

/** Characters that a box is wide in most letters; what is wider all the same is cut at its edge. */
const LINE = 26;

function UnitBox({ unit, chain }: { readonly unit: ChainUnitView; readonly chain: ChainView }) {
  const health = healthOf(unit, chain);
  const { drive } = unit;
  const lines = [
    `${unit.state} ${unit.stateWords}`,
    drive === undefined ? 'no drive' : `${drive.size} ${drive.model}`,
    drive === undefined ? '' : `S/N ${drive.serial}`,
    `drive link ${drive === undefined ? '-' : speedText(unit.driveLink)}`,
    roleOf(unit),
  ].filter((line) => line !== '');
  return (
    <>
      <text x={12} y={20} class="strong">
        {fitted(`[${unit.position ?? '?'}] ${unit.unit}`, LINE - 3)}
      </text>
      <text x={12} y={37} class={`svg-${health.tone}`}>
        {health.mark} {fitted(health.word, LINE - 5)}
      </text>
      {lines.map((line, i) => (
        <text key={line} x={12} y={54 + i * 14} class="small">
          {fitted(line, LINE)}
        </text>
      ))}
    </>
  );
}

function boxText(box: Box, chain: ChainView): string {
  if (box.is === 'host') return `Host: sees ${chain.shown}`;
  if (box.is === 'more') return `${box.units} more units, not in this answer`;
  const { word } = healthOf(box.unit, chain);
  const { unit, position, state, stateWords, linkUp, linkDown } = box.unit;
  return `Unit ${position ?? '?'}, ${unit}: ${word}; ${state} ${stateWords}; link towards the host ${speedText(linkUp)}, away from it ${speedText(linkDown)}`;
}

function BoxPicture({
  box,
  chain,
  active,
}: {
  readonly box: Box;
  readonly chain: ChainView;
  readonly active: boolean;
}) {
  const tone = box.is === 'unit' ? healthOf(box.unit, chain).tone : 'plain';
  return (
    <g transform={`translate(${box.x} ${box.y})`} class={`box box-${tone}${active ? ' box-active' : ''}`}>
      <title>{boxText(box, chain)}</title>
      <rect width={box.width} height={box.height} rx={8} />
      {box.is === 'host' && (
        <>
          <text x={12} y={20} class="strong">
            host
          </text>
          <text x={12} y={42} class="small">
            {fitted(`sees ${chain.shown}`, LINE)}
          </text>
        </>
      )}
      {box.is === 'more' && (
        <text x={12} y={20}>
          {box.units} more units
        </text>
      )}
      {box.is === 'unit' && (
        <svg width={box.width - 4} height={box.height} aria-hidden="true">
          <UnitBox unit={box.unit} chain={chain} />
        </svg>
      )}
    </g>
  );
}

/** A link is a line; one that is down is broken and crossed out, and says so. */
function CablePicture({ cable, host }: { readonly cable: Cable; readonly host: boolean }) {
  const { from, to, middle, upright, generation } = cable;
  const down = generation === 0;
  const label = generation === undefined ? '?' : down ? 'down' : speedText(generation);
  // A host that is off has its link down: that is no fault.
  const tone = down ? (host ? 'plain' : 'bad') : 'good';
  return (
    <g class={`cable cable-${tone}${down || generation === undefined ? ' cable-down' : ''}`}>
      <line x1={from.x} y1={from.y} x2={to.x} y2={to.y} />
      <circle cx={from.x} cy={from.y} r={4} />
      <circle cx={to.x} cy={to.y} r={4} />
      {down && (
        <path
          d={`M${middle.x - 6} ${middle.y - 6}l12 12m0 -12l-12 12`}
          class={host ? 'cross-plain' : 'cross'}
        />
      )}
      <text
        x={upright ? middle.x + 12 : middle.x}
        y={upright ? middle.y + 4 : middle.y - 10}
        text-anchor={upright ? 'start' : 'middle'}
        class="small"
      >
        {label}
      </text>
    </g>
  );
}

function useWidth() {
  const place = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(900);
  useLayoutEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const measured = new ResizeObserver(() => setWidth(element.clientWidth));
    measured.observe(element);
    return () => measured.disconnect();
  }, []);
  return { place, width };
}

const STEPS: Readonly<Record<string, number>> = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/** The chain as a picture. The keyboard goes along it, and what it stands on is said in words below. */
export function ChainPicture({ chain }: { readonly chain: ChainView }) {
  const { place, width } = useWidth();
  const layout = useMemo(() => layoutChain(chain, width), [chain, width]);
  const [active, setActive] = useState(0);
  const [held, setHeld] = useState(false);
  const at = Math.min(active, layout.boxes.length - 1);
  const box = layout.boxes[at];
  useEffect(() => {
    if (held)
      place.current?.querySelectorAll('.box')[at]?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [held, at]);
  const press = (event: KeyboardEvent): void => {
    const step = Object.hasOwn(STEPS, event.key) ? (STEPS[event.key] ?? 0) : 0;
    const to = event.key === 'Home' ? 0 : event.key === 'End' ? layout.boxes.length - 1 : at + step;
    if (to === at || to < 0 || to >= layout.boxes.length) return;
    event.preventDefault();
    setActive(to);
  };
  return (
    <div ref={place}>
      <div
        class="picture"
        role="application"
        aria-roledescription="picture of a chain"
        aria-label={`${chainSentence(chain)} Arrow keys go along it.`}
        tabIndex={0}
        onKeyDown={press}
        onFocus={() => setHeld(true)}
        onBlur={() => setHeld(false)}
      >
        <svg width={layout.width} height={layout.height} aria-hidden="true">
          {layout.cables.map((cable, i) => (
            <CablePicture key={cable.key} cable={cable} host={i === 0} />
          ))}
          {layout.boxes.map((each, i) => (
            <BoxPicture key={each.key} box={each} chain={chain} active={held && i === at} />
          ))}
        </svg>
      </div>
      <p class="soft" aria-live="polite">
        {held && box !== undefined
          ? boxText(box, chain)
          : 'Arrow keys go along the chain. ✓ well, ! look, ✕ fault, ? not heard, ↻ being copied.'}
      </p>
    </div>
  );
}
