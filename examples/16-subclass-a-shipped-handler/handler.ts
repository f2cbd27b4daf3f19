/** Changes a handler that somebody else wrote: every WolConfig has to say which team it belongs to. */
import { createContainer, Handler, type ReconcileContext, Settings } from 'virt-steward/framework';
import { provideWol, WOL_FLAGS, WolConfig, WolConfigHandler, wolHandlers, wolSettings } from 'virt-steward/wol';

const TEAM = 'example.org/team';

/**
 * Takes the place of `WolConfigHandler`, which is not even instantiated. All its decorated methods are inherited, and so is its
 * constructor with what is injected there.
 */
@Handler()
export class TeamWolConfigHandler extends WolConfigHandler {
  /** Overrides what the method does and keeps how it is registered. A decorator here would replace the options. */
  override async reconcile(config: WolConfig, ctx: ReconcileContext<WolConfig>): Promise<void> {
    await super.reconcile(config, ctx);
    const team = config.metadata?.annotations?.[TEAM];
    if (team !== undefined) ctx.status.condition({ type: 'TeamKnown', status: 'True', reason: 'Annotated', message: team });
    else ctx.status.condition({ type: 'TeamKnown', status: 'False', reason: 'NoTeam', message: `set the annotation ${TEAM}` });
  }
}

/** All handlers of Wake-on-LAN, and ours, which replaces the one it extends. */
export const handlers = [...wolHandlers, TeamWolConfigHandler];

/** What the handlers of Wake-on-LAN inject: their settings, as flags and environment of the manager would say them. */
const settings = new Settings(WOL_FLAGS, { grpcInsecure: 'true', grpcBindAddress: '127.0.0.1:0' }, process.env);
export const options = { container: createContainer() };
provideWol(options.container, wolSettings(settings, 'default'));
