export { Agent, type AgentParts, agentBlocks } from './agent.ts';
export { BlockRouter } from './block-router.ts';
export type { GossipCounts, TokenBook } from './gossip.ts';
export type { Vitals } from './identity.ts';
export { offlineWill, onlineStatement } from './presence.ts';
