/**
 * Stands in for HTTP libraries that nothing in the bundle calls: gaxios serves methods of the operator's base class that StewardOperator
 * overrides, undici serves the generated API classes that are left out.
 */
class NotBundled {
  constructor() {
    throw new Error('this HTTP library is not in the bundle: see hack/bundle/not-bundled.mjs');
  }
}

export { NotBundled as Agent, NotBundled as ProxyAgent };
export const instance = undefined;
