/**
 * Follows the state of all objects of a kind with a watch, as `kubectl get --watch` does.
 *
 * Owns: the watch, the last state of each object, and every change that was seen. Never: changes an object.
 * Invariant: a state that an object had is seen however short it was; a watch that ends is opened again.
 */
import type { ClientRequest } from 'node:http';
import { request } from 'node:https';
import { setTimeout as pause } from 'node:timers/promises';
import { poll } from '../../test/harness/poll';
import type { TestObject } from '../../test/harness/steward-cluster';
import type { ControlPlane } from '../control-plane';
import type { Stage } from './stage';

export interface Transition {
  /** `namespace/name`. */
  readonly object: string;
  readonly from: string;
  readonly to: string;
  /** Wall clock in milliseconds. */
  readonly seenAtMs: number;
}

export interface Named {
  readonly namespace?: string;
  readonly name: string;
}

export interface StatesOptions {
  readonly controlPlane: Pick<ControlPlane, 'server' | 'ca' | 'adminToken'>;
  /** Collection to watch, for example `/apis/kubevirt.io/v1/virtualmachines`. */
  readonly path: string;
  /** `undefined` = it has none yet. */
  stateOf(object: TestObject): string | undefined;
  onTransition(transition: Transition): void;
  readonly stage: Stage;
}

interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'ERROR';
  readonly object: TestObject;
}

/** Longest time an object may take for a change of state, in milliseconds; much more than any takes. */
const CHANGE_LIMIT_MS = 60_000;
const REOPEN_MS = 200;

export class States {
  private readonly transitions: Transition[] = [];
  private readonly states = new Map<string, string>();
  private exchange: ClientRequest | undefined;
  private isStopped = false;
  private problem = '';
  private readonly following: Promise<void>;

  constructor(private readonly options: StatesOptions) {
    this.following = this.follow();
  }

  stateOf(object: Named): string | undefined {
    return this.states.get(nameOf(object));
  }

  /** To be given to `seen`, so that it counts only what happens from now on. */
  get mark(): number {
    return this.transitions.length;
  }

  /** Waits until this is the state. @throws {Error} when it is not in time, or the demo has to end. */
  async until(object: Named, state: string): Promise<void> {
    await this.poll(object, state, () => this.stateOf(object) === state);
  }

  /** Waits until the object has changed to this state. @throws {Error} when it has not in time, or the demo has to end. */
  seen(object: Named, state: string, since = 0): Promise<Transition> {
    const name = nameOf(object);
    return this.poll(object, state, () => this.transitions.slice(since).find((one) => one.object === name && one.to === state));
  }

  /** Resolves when the connection is closed. */
  async stop(): Promise<void> {
    this.isStopped = true;
    this.exchange?.destroy();
    await this.following;
  }

  private poll<T>(object: Named, state: string, probe: () => T | undefined | false): Promise<T> {
    return poll(
      `${nameOf(object)} to be ${state}`,
      () => {
        this.options.stage.check();
        return probe();
      },
      { timeoutMs: CHANGE_LIMIT_MS, onTimeout: () => `it is ${this.stateOf(object) ?? 'not there'}${this.problem}` },
    );
  }

  private async follow(): Promise<void> {
    while (!this.isStopped) {
      await this.watch().catch((error: Error) => {
        this.problem = `; the watch has ended: ${error.message}`;
      });
      if (!this.isStopped) await pause(REOPEN_MS);
    }
  }

  /** From its beginning, which tells of all objects there are, to its end. */
  private watch(): Promise<void> {
    const { controlPlane, path } = this.options;
    const { server, ca, adminToken } = controlPlane;
    const headers = { accept: 'application/json', authorization: `Bearer ${adminToken}` };
    return new Promise((resolve, reject) => {
      this.exchange = request(new URL(`${path}?watch=1`, server), { ca, headers, agent: false }, (response) => {
        response.once('error', reject).once('close', resolve);
        if (response.statusCode !== 200) {
          // Its kind is not there yet.
          response.resume();
          reject(new Error(`${path}: ${response.statusCode}`));
          return;
        }
        let rest = '';
        response.setEncoding('utf8').on('data', (text: string) => {
          const lines = (rest + text).split('\n');
          rest = lines.pop() ?? '';
          for (const line of lines) this.take(JSON.parse(line) as WatchEvent);
        });
      });
      this.exchange.once('error', reject).end();
    });
  }

  private take({ type, object }: WatchEvent): void {
    if (type === 'ERROR') return;
    const name = nameOf(object.metadata);
    const to = type === 'DELETED' ? 'gone' : this.options.stateOf(object);
    const from = this.states.get(name);
    if (to === undefined || to === from) return;
    this.states.set(name, to);
    if (from === undefined) return;
    const transition = { object: name, from, to, seenAtMs: Date.now() };
    this.transitions.push(transition);
    this.options.onTransition(transition);
  }
}

/** As people write it. */
export function nameOf({ namespace, name }: Named): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}
