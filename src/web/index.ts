export { frameEvent } from './event-stream.ts';
export type { FleetDoor, LookAnswer, LookVerb } from './fleet-door.ts';
export { FleetWatch } from './fleet-watch.ts';
export type * from './host-wire.ts';
export { judgeRequest } from './judge-request.ts';
export { OrderDesk, type OrderDeskOptions } from './order-desk.ts';
export type {
  OpenDraft,
  OrderDoor,
  PreparedOrders,
  RunWatch,
  Sending,
  SignedOrders,
} from './order-door.ts';
export type * from './order-wire.ts';
export { type PageFiles, type PageServerOptions, pageServer } from './page-server.ts';
export { Session } from './session.ts';
export type { AnswerTable, AskBody, HostRow, PageAnswer, Question, Reach } from './wire.ts';
