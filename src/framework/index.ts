export * from './errors/handler-errors';
export * from './errors/operator-error';
export * from './kinds/object';
export * from './logging/logger';
export * from './time/clock';
export * from './time/sleep';
