/** The commands that look at an installation or take it apart, in one part of the bundle, since they share almost everything. */
export { runCleanupCommand } from './run-cleanup-command';
export { runInstallCheckCommand } from './run-install-check-command';
