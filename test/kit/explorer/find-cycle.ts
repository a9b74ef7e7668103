import type { GrowingInts } from './growing-ints.ts';

/**
 * A node that lies on a cycle of these edges, or undefined where there is none. Edges are sorted by `from`, ascending.
 * Nodes without a way in are taken away until none is left (Kahn); what remains lies on a cycle or behind one, and going
 * backwards from it for as many steps as there are nodes ends on a cycle.
 */
export function findCycle(nodes: number, from: GrowingInts, to: GrowingInts): number | undefined {
  const waysIn = new Int32Array(nodes);
  const first = new Int32Array(nodes + 1);
  for (let i = 0; i < from.length; i += 1) {
    waysIn[to.at(i)]! += 1;
    first[from.at(i) + 1]! += 1;
  }
  for (let node = 0; node < nodes; node += 1) first[node + 1]! += first[node]!;
  const free: number[] = [];
  for (let node = 0; node < nodes; node += 1) if (waysIn[node] === 0) free.push(node);
  let left = nodes;
  for (let node = free.pop(); node !== undefined; node = free.pop()) {
    left -= 1;
    for (let i = first[node]!; i < first[node + 1]!; i += 1) {
      const next = to.at(i);
      waysIn[next]! -= 1;
      if (waysIn[next] === 0) free.push(next);
    }
  }
  if (left === 0) return undefined;
  const before = new Int32Array(nodes).fill(-1);
  for (let i = 0; i < from.length; i += 1) {
    if (waysIn[from.at(i)]! > 0 && waysIn[to.at(i)]! > 0) before[to.at(i)] = from.at(i);
  }
  let at = waysIn.findIndex((count) => count > 0);
  for (let i = 0; i < left; i += 1) at = before[at]!;
  return at;
}
