/** Changes a handler that somebody else wrote: every WolConfig has to say which team it belongs to. */
import { createContainer, Handler, type ReconcileContext, type ReconcileResult, Settings } from 'virt-steward/framework';
import { provideWol, WOL_FLAGS, WOL_VARIABLES, WolConfig, WolConfigHandler, wolHandlersFor, wolSettings } from 'virt-steward/wol';

const TEAM = 'example.org/team';

/**
 * Takes the place of `WolConfigHandler`, which is not even instantiated. All its decorated methods are inherited, and so is its
 * constructor with what is injected there.
 */
@Handler()
export class TeamWolConfigHandler extends WolConfigHandler {
  /** Overrides what the method does and keeps how it is registered. A decorator here would replace the options. */
  override async reconcile(config: WolConfig, ctx: ReconcileContext<WolConfig>): Promise<ReconcileResult> {
    const result = await super.reconcile(config, ctx);
    const team = config.metadata?.annotations?.[TEAM];
    if (team !== undefined) ctx.status.condition({ type: 'TeamKnown', status: 'True', reason: 'Annotated', message: team });
    else ctx.status.condition({ type: 'TeamKnown', status: 'False', reason: 'NoTeam', message: `set the annotation ${TEAM}` });
    return result;
  }
}

/** What the handlers of Wake-on-LAN inject: their settings, as flags and environment of the manager would say them. */
const flags = { grpcInsecure: 'true', grpcBindAddress: '127.0.0.1:0' };
const NAMESPACE = 'default';
const settings = wolSettings(new Settings([...WOL_FLAGS, ...WOL_VARIABLES], flags, process.env), NAMESPACE, '0.1.0');
export const options = { namespace: NAMESPACE, container: createContainer() };
provideWol(options.container, settings);

/** All handlers of Wake-on-LAN, and ours, which replaces the one it extends. */
export const handlers = [...wolHandlersFor(settings), TeamWolConfigHandler];
