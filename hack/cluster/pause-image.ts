/** The image that holds a pod's namespaces open: one static program. Owns: its reference. */
import { readFileSync } from 'node:fs';
import { archiveOf, imageOf, layerOf } from '../images/oci-archive';

export const PAUSE_IMAGE = 'localhost/virt-steward/pause:1';

/** @param program absolute path of the built program. */
export function pauseArchive(program: string): Buffer {
  const layer = layerOf('pause', [{ path: 'pause', mode: 0o755, content: readFileSync(program) }], 0);
  const config = { User: '65532:65532', Env: [], Entrypoint: ['/pause'], Cmd: [], WorkingDir: '/', ExposedPorts: {}, Labels: {} };
  const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';
  return archiveOf(PAUSE_IMAGE, [imageOf({ architecture, config, layers: [layer], createdSeconds: 0 })]);
}
