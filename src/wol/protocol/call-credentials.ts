/** What a call of grpc-js says about its caller. */
import type { ServerDuplexStream, ServerUnaryCall } from '@grpc/grpc-js';
import type { CallCredentials } from './call-gate';

type Call = Pick<ServerUnaryCall<unknown, unknown> | ServerDuplexStream<unknown, unknown>, 'metadata' | 'getPeer' | 'getAuthContext'>;

export function credentialsOf(call: Call): CallCredentials {
  const [authorization] = call.metadata.get('authorization');
  // grpc-js hands a certificate out only when TLS has verified it.
  const subject = call.getAuthContext().sslPeerCertificate?.subject.CN;
  const commonName = Array.isArray(subject) ? subject[0] : subject;
  return {
    authorization: typeof authorization === 'string' ? authorization : undefined,
    clientCertificate: commonName === undefined ? undefined : { commonName },
    peer: call.getPeer(),
  };
}
