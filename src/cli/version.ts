/** Version of the product: package.json's, put in by the bundler. */
declare const STEWARD_VERSION: string | undefined;

export const VERSION: string = typeof STEWARD_VERSION === 'string' ? STEWARD_VERSION : '0.0.0-unbundled';
