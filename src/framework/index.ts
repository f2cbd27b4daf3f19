export * from './kinds/kind';
export * from './kinds/object';
