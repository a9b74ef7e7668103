export { showBudget, showBudgetUpdate } from './budget.ts';
export { showChain } from './chain.ts';
export { showClock } from './clock.ts';
export { absentLine, readBackLines } from './read-back.ts';
export { type ShowOptions, showResult } from './result.ts';
export { type SensorState, sensorState } from './sensors.ts';
export { clean, cleanJson, counted, sized, table, timeText } from './text.ts';
