import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { columnsOf, type Plot, type SensorHistory } from './sensor-history.ts';

const HEIGHT = 190;
/** Lines are told apart by how they are broken, as well as by colour. */
export const DASHES: readonly (readonly number[])[] = [[], [8, 4], [2, 3], [12, 3, 2, 3]];
const COLOURS = ['--line-1', '--line-2', '--line-3', '--line-4'];

export const dashOf = (i: number): readonly number[] => DASHES[i % DASHES.length] ?? [];
export const colourOf = (i: number): string =>
  COLOURS[Math.floor(i / DASHES.length + i) % COLOURS.length] ?? '--text';

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function drawn(plot: Plot, width: number): uPlot.Options {
  const [text, grid] = [colour('--soft'), colour('--line')];
  const axis = { stroke: text, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 } };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    axes: [
      { ...axis, values: (_, ticks) => ticks.map(timeText) },
      { ...axis, size: 64, values: (_, ticks) => ticks.map((tick) => `${tick} ${plot.unit}`) },
    ],
    series: [
      {},
      ...plot.sensors.map(({ name }, i) => ({
        label: name,
        stroke: colour(colourOf(i)),
        width: 2,
        dash: [...dashOf(i)],
        spanGaps: false,
        points: { show: false },
      })),
    ],
  };
}

/** "14:03:22", by the browser's zone. */
const timeText = (at: number): string => new Date(at * 1000).toTimeString().slice(0, 8);

/** Dark or light, as the browser is set now. */
function useScheme(): boolean {
  const [dark, setDark] = useState(() => matchMedia('(prefers-color-scheme: dark)').matches);
  useEffect(() => {
    const media = matchMedia('(prefers-color-scheme: dark)');
    const turn = (): void => setDark(media.matches);
    media.addEventListener('change', turn);
    return () => media.removeEventListener('change', turn);
  }, []);
  return dark;
}

/** Lines over time. A canvas: no name or unit becomes a part of the document; the table beside it says the same. */
export function SensorPlot({ plot, history }: { readonly plot: Plot; readonly history: SensorHistory }) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | undefined>(undefined);
  const dark = useScheme();
  const names = plot.sensors.map(({ name }) => name);
  const shape = JSON.stringify([plot.unit, names, dark]);
  useLayoutEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const made = new uPlot(
      drawn(plot, Math.max(240, element.clientWidth)),
      columnsOf(history, plot),
      element,
    );
    chart.current = made;
    const measured = new ResizeObserver(() =>
      made.setSize({ width: Math.max(240, element.clientWidth), height: HEIGHT }),
    );
    measured.observe(element);
    return () => {
      measured.disconnect();
      made.destroy();
      chart.current = undefined;
    };
  }, [shape]);
  useLayoutEffect(() => chart.current?.setData(columnsOf(history, plot)), [history, shape]);
  return (
    <div
      class="plot"
      ref={place}
      role="img"
      aria-label={`${names.join(', ')} in ${plot.unit} over time; the table says the latest`}
    />
  );
}
