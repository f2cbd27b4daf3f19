/**
 * What became of each config's agents, from the handler that deploys them to the one that writes the status.
 *
 * Owns: the memory between the two: deploying is at once, a status is written at most every two seconds. It holds one entry a config.
 */
import { singleton } from '../../framework';
import type { AgentState } from '../deployment/agent-state';

@singleton()
export class AgentStates {
  private readonly states = new Map<string, AgentState>();

  /** `undefined` before the first look. */
  of(config: string): AgentState | undefined {
    return this.states.get(config);
  }

  /** @returns whether it is news. */
  set(config: string, state: AgentState): boolean {
    const isNews = JSON.stringify(this.states.get(config)) !== JSON.stringify(state);
    this.states.set(config, state);
    return isNews;
  }

  forget(config: string): void {
    this.states.delete(config);
  }
}
