export { boardFaults, type LineUse, lineUses } from './board-faults.ts';
export type { ChannelPlace } from './channel-place.ts';
export { boardChannels, type EnrolledChannel } from './channels.ts';
export { type BoardDescription, boardDescription, boardFields } from './description.ts';
export {
  type FlashLayout,
  type FlashPartition,
  flashLayout,
  flashLayoutFields,
  partitionFaults,
} from './flash.ts';
export { aspeedOffset, type GpioLine, lineKey } from './gpio-line.ts';
export type { HostLines } from './host-lines.ts';
export {
  absent,
  type Finding,
  failed,
  findingCounts,
  judgeFlash,
  judgeLine,
  judgeNumber,
  judgeReserved,
  judgeRestart,
  judgeSignals,
  LINE_USER,
  type LineLook,
  type LineTrial,
  notTried,
  outcomeOf,
  proven,
  type SeenPartition,
} from './test-findings.ts';
export {
  type BoardLook,
  type BoardStep,
  lineText,
  planBoardTest,
  type TestedLine,
  testedLines,
} from './test-plan.ts';
