/** What the server asks before it takes a report: who calls, and for how long that holds. */

/** What a call brings along. */
export interface CallCredentials {
  /** The `authorization` header. */
  readonly authorization: string | undefined;
  /** Verified against the authorities the server trusts; `undefined` when there is none, or it is not. */
  readonly clientCertificate: { readonly commonName: string } | undefined;
  /** Address and port of the connection. */
  readonly peer: string;
}

/** Who an agent is. */
export interface AgentIdentity {
  /** Node it is bound to; `undefined` when nobody vouches for one. */
  readonly nodeName: string | undefined;
  /** When its token ends, in milliseconds since 1970. */
  readonly expiresAtMs: number | undefined;
}

export interface CallGate {
  /** @throws {RpcStatusError} UNAUTHENTICATED, PERMISSION_DENIED, or UNAVAILABLE when it cannot be found out. */
  admit(credentials: CallCredentials): Promise<AgentIdentity>;
  /** @throws {RpcStatusError} PERMISSION_DENIED when a report names another node than the caller's. */
  checkNode(identity: AgentIdentity, nodeName: string, peer: string): void;
}

/** Everybody may report for every node: the compatibility mode. */
export const OPEN_GATE: CallGate = {
  admit: async () => ({ nodeName: undefined, expiresAtMs: undefined }),
  checkNode: () => undefined,
};
