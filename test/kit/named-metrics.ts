import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { Exposition } from './exposition.ts';

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook_url: string };
}

/** Every rule of docs/grafana/alerts.yaml. */
export function alertRules(): AlertRule[] {
  const { groups } = parse(readFileSync('docs/grafana/alerts.yaml', 'utf8')) as {
    groups: { rules: AlertRule[] }[];
  };
  return groups.flatMap(({ rules }) => rules);
}

interface Panel {
  readonly type: string;
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

export function dashboardPanels(): Panel[] {
  return (JSON.parse(readFileSync('docs/grafana/nightshift.json', 'utf8')) as { panels: Panel[] }).panels;
}

/** What dashboard and alerts ask Prometheus. */
export function queries(): string[] {
  const drawn = dashboardPanels().flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  return [...drawn, ...alertRules().map(({ expr }) => expr)];
}

const SELECTOR = /\b((?:nightshift|process|nodejs)_[a-z_]+)(?:\{([^}]*)\})?/g;
/** Put there by Prometheus. */
const OUTSIDE = new Set(['instance', 'job']);

/** The metrics that belong to the exporter: the others are the agent's. */
export const isFleets = (name: string): boolean => /^nightshift_(fleet|host)_/.test(name);

/** The metrics that a query names, each with the labels by which it chooses. */
export function selectorsIn(query: string): { readonly name: string; readonly labels: readonly string[] }[] {
  return [...query.matchAll(SELECTOR)].map(([, name, chosen = '']) => ({
    name: name!,
    labels: [...chosen.matchAll(/([a-z_]+)\s*(?:=~|!~|!=|=)/g)]
      .map(([, label]) => label!)
      .filter((label) => !OUTSIDE.has(label)),
  }));
}

/** What a query of the kept ones chooses by and no real scrape has. */
export function missingIn(scraped: Exposition, kept: (name: string) => boolean): string[] {
  const labelsOf = (name: string): ReadonlySet<string> =>
    new Set(scraped.samples.filter((one) => one.name === name).flatMap(({ labels }) => Object.keys(labels)));
  return queries()
    .flatMap(selectorsIn)
    .filter(({ name }) => kept(name))
    .flatMap(({ name, labels }) => {
      const family = name.replace(/_(bucket|sum|count)$/, '');
      if (!scraped.types.has(name) && scraped.types.get(family) !== 'histogram') return [name];
      const known = labelsOf(name);
      return known.size === 0
        ? []
        : labels.filter((label) => !known.has(label)).map((label) => `${name}{${label}}`);
    });
}

/** The metrics of which docs/observability.md has a row. */
export function documentedMetrics(): ReadonlySet<string> {
  const text = readFileSync('docs/observability.md', 'utf8');
  return new Set([...text.matchAll(/^\| `([a-z_]+)`/gm)].map(([, name]) => name!));
}
