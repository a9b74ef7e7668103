import type { TRow, TState } from './pttrsm.ts';

const LIVE: readonly TState[] = ['T1', 'T2H', 'T3', 'T4', 'T5', 'T6', 'T8', 'T9'];
/** Where a lock may fall at once. T9 is dark towards the host already, and has blocks to flush. */
const AT_ONCE: readonly TState[] = ['T1', 'T2H', 'T3', 'T4', 'T5', 'T6', 'T8'];

/**
 * PTTRSM. The first row that fits is taken, then rows `at once` until none fits. T0 and T2 are passed through. What no row
 * names is ignored; an order that no row names is refused.
 */
export const PTTRSM_ROWS: readonly TRow[] = [
  { from: ['T0'], on: 'power good', guard: 'locked', do: ['silence all'], to: 'T7' },
  { from: ['T0'], on: 'power good', do: ['raise epoch', 'run all', 'look anew'], to: 'T1' },

  { from: ['T1'], on: 'at once', guard: 'both settled', to: 'T2' },
  { from: ['T5'], on: 'at once', guard: 'both settled', do: ['stop resync'], to: 'T2' },
  { from: ['T2H', 'T6'], on: 'at once', guard: 'a side is open', do: ['stop hold'], to: 'T1' },
  { from: ['T3'], on: 'at once', guard: 'a side is open', do: ['changed'], to: 'T1' },

  {
    from: ['T2'],
    on: 'at once',
    guard: 'faulty',
    do: ['note fault', 'call if presented', 'host stops waiting'],
    to: 'T6',
  },
  {
    from: ['T2'],
    on: 'at once',
    guard: 'missing',
    do: ['note missing', 'call if presented', 'host stops waiting', 'start hold'],
    to: 'T2H',
  },
  { from: ['T2'], on: 'at once', do: ['accept'], to: 'T3' },

  { from: ['T2H'], on: 'hold over', guard: 'keeps places', do: ['leave holes'], to: 'T2' },
  { from: ['T2H'], on: 'hold over', guard: 'gap is here', do: ['agree'], to: 'T2' },
  { from: ['T2H'], on: 'order go-degraded', guard: 'gap is here', do: ['stop hold', 'agree'], to: 'T2' },
  { from: ['T6'], on: 'order go-degraded', guard: 'acceptable', do: ['agree'], to: 'T2' },

  { from: ['T3'], on: 'at once', guard: 'must call', do: ['call'], to: 'same' },
  { from: ['T3'], on: 'at once', guard: 'host is away', do: ['forget'], to: 'same' },
  { from: ['T3'], on: 'at once', guard: 'may sign', do: ['sign', 'settled'], to: 'T4' },
  { from: ['T3'], on: 'at once', guard: 'signed', do: ['settled'], to: 'T4' },

  { from: ['T4'], on: 'at once', guard: 'a member is open', do: ['changed', 'start resync'], to: 'T5' },
  { from: ['T4'], on: 'at once', guard: 'a stranger arrived', do: ['refuse arrival'], to: 'same' },
  { from: ['T4'], on: 'at once', guard: 'something arrived', do: ['changed'], to: 'T2' },

  {
    from: ['T3', 'T4'],
    on: 'COMRESET',
    guard: 'goes down',
    do: ['host begins anew', 'reset down'],
    to: 'T1',
  },
  {
    from: ['T2H'],
    on: 'COMRESET',
    guard: 'may revive',
    do: ['host begins anew', 'stop hold', 'reset down'],
    to: 'T1',
  },
  { from: ['T4'], on: 'COMRESET', do: ['count reset', 'host begins anew'], to: 'T3' },
  {
    from: ['T1', 'T2H', 'T3', 'T5', 'T6'],
    on: 'COMRESET',
    do: ['host begins anew'],
    to: 'same',
  },
  { from: ['T4'], on: 'pti lost', do: ['host begins anew'], to: 'same' },
  { from: ['T1', 'T2H', 'T3', 'T5', 'T6'], on: 'pti lost', do: ['host begins anew'], to: 'same' },
  { from: ['T4'], on: 'pti up', to: 'T3' },
  { from: ['T1', 'T3', 'T5'], on: 'pace over', guard: 'call is due', do: ['call now'], to: 'same' },
  {
    from: ['T2H', 'T6'],
    on: 'pace over',
    guard: 'call is due',
    do: ['call now', 'host stops waiting'],
    to: 'same',
  },
  // A unit below calls only for a change, and has waited for it to pass: no need to find out again before passing it on.
  {
    from: ['T4'],
    on: 'told from below',
    guard: 'below is used',
    do: ['changed', 'call if presented'],
    to: 'T1',
  },
  {
    from: ['T5'],
    on: 'told from below',
    guard: 'below is used',
    do: ['stop resync', 'call if presented'],
    to: 'T1',
  },
  { from: ['T5'], on: 'resync over', do: ['call if presented'], to: 'T1' },

  {
    from: ['T1', 'T2H', 'T3', 'T4', 'T5', 'T6'],
    on: 'order resync',
    do: ['stop hold', 'stop resync', 'reset down'],
    to: 'T1',
  },
  { from: ['T8'], on: 'order disable', do: ['lock', 'flush', 'start hand back'], to: 'T9' },
  { from: LIVE, on: 'order disable', do: ['lock'], to: 'same' },
  // Overtakes an enable that is being written down.
  { from: ['T7'], on: 'order disable', do: ['lock'], to: 'same' },
  { from: ['T7'], on: 'order enable', do: ['unlock'], to: 'same' },
  { from: AT_ONCE, on: 'saved', guard: 'locked', do: ['silence all'], to: 'T7' },
  {
    from: ['T7'],
    on: 'saved',
    guard: 'unlocked',
    do: ['raise epoch', 'run all', 'look anew'],
    to: 'T1',
  },

  { from: ['T3', 'T4'], on: 'order own', do: ['hide'], to: 'T8' },
  { from: ['T8'], on: 'order hand-back', do: ['flush', 'start hand back'], to: 'T9' },
  { from: ['T9'], on: 'flushed', guard: 'locked', do: ['silence all'], to: 'T7' },
  { from: ['T9'], on: 'hand back over', guard: 'locked', do: ['silence all'], to: 'T7' },
  { from: ['T9'], on: 'flushed', do: ['stop hand back', 'show'], to: 'T1' },
  { from: ['T9'], on: 'hand back over', do: ['show'], to: 'T1' },
];
