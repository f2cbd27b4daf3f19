/** Writes to etcd past the API server: what versions long gone have stored, and no version accepts any more. */
import { request } from 'node:http';

/**
 * @param key such as `/registry/configmaps/default/a`.
 * @param object in the version that is to be read; the API server takes JSON as well as what it writes itself.
 * @throws {Error} what etcd answered.
 */
export async function storeInEtcd(socketPath: string, key: string, object: object): Promise<void> {
  const encoded = (text: string): string => Buffer.from(text).toString('base64');
  const body = JSON.stringify({ key: encoded(key), value: encoded(JSON.stringify(object)) });
  const { status, text } = await post(socketPath, '/v3/kv/put', body);
  if (status !== 200) throw new Error(`etcd did not store ${key}: ${status} ${text}`);
}

function post(socketPath: string, path: string, body: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, path, method: 'POST', headers: { 'Content-Type': 'application/json' } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }));
      response.on('error', reject);
    });
    call.on('error', reject);
    call.end(body);
  });
}
