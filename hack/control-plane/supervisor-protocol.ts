/**
 * The messages between a process group's owner and its supervisor.
 *
 * Owns: their shapes. Never: any behaviour. Invariant: both ends are compiled from the same source, so there is no versioning.
 */

/** How a supervised process ended: exactly one of the two is set. */
export interface ExitStatus {
  readonly code?: number;
  readonly signal?: NodeJS.Signals;
}

export interface StartCommand {
  readonly type: 'start';
  /** Unique among the running processes of the group; free again once the process has ended. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workingDirectory: string;
  /** Absolute path; standard output and standard error are appended to it. */
  readonly logFile: string;
}

export interface SignalCommand {
  readonly type: 'signal';
  readonly name: string;
  readonly signal: NodeJS.Signals;
}

/** Ends everything, removes the directory, then ends the supervisor. A closed channel means the same. */
export interface DisposeCommand {
  readonly type: 'dispose';
}

export type SupervisorCommand = StartCommand | SignalCommand | DisposeCommand;

export type SupervisorReport =
  | { readonly type: 'ready'; readonly directory: string }
  | { readonly type: 'noDirectory'; readonly reason: string }
  | { readonly type: 'started'; readonly name: string; readonly pid: number }
  | { readonly type: 'notStarted'; readonly name: string; readonly reason: string }
  | { readonly type: 'exited'; readonly name: string; readonly status: ExitStatus };
