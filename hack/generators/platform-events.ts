/**
 * Makes `docs/reference/platform-events.md` from the table of reasons in the code.
 *
 *     node build/hack/generators/platform-events.js            writes what differs
 *     node build/hack/generators/platform-events.js --check    writes nothing, exits 1 and shows the difference
 */
import { EVENT_REASONS, type EventReason } from '../../src/platform/observability/event-reasons';
import { GENERATED_MARK, type GeneratedFiles } from './generated-files';
import { type Generator, main } from './generator-command';

const PAGE = 'docs/reference/platform-events.md';
const SOURCE = 'src/platform/observability/event-reasons.ts';

const TOLD: Readonly<Record<EventReason['told'], string>> = {
  happening: 'each time',
  state: 'when it begins',
  value: 'once for each value',
};

export function eventPage(): GeneratedFiles {
  const reasons = Object.entries(EVENT_REASONS) as [string, EventReason][];
  const rows = (type: EventReason['type']): string[] =>
    reasons
      .filter(([, reason]) => reason.type === type)
      .map(([name, { told, onObject, means }]) => {
        const repeated = type === 'Warning' && told !== 'happening' ? ', then hourly' : '';
        return `| \`${name}\` | ${means} | ${TOLD[told]}${repeated} | ${onObject ? 'yes' : ''} |`;
      });
  const table = (type: EventReason['type']): string[] => [
    '| reason | meaning | told | on the object too |',
    '|---|---|---|---|',
    ...rows(type),
  ];
  const lines = [
    `<!-- ${GENERATED_MARK}${SOURCE}; DO NOT EDIT. -->`,
    '# Events of the platform module',
    '',
    'Events regard the anchor (HyperConverged, or KubeVirt where there is none) and name the managed object as related; some are told about the',
    'object as well. `kubectl describe` shows both. At most ten a second are written; the metric `kubevirt_autopilot_events_dropped_total` counts',
    'what was left out. What to do about the warnings: [user guide](../platform/user-guide.md), [runbooks](../runbooks).',
    '',
    '## Warnings',
    '',
    ...table('Warning'),
    '',
    '## Others',
    '',
    ...table('Normal'),
    '',
  ];
  return new Map([[PAGE, lines.join('\n')]]);
}

if (require.main === module) {
  const generator: Generator = { folder: 'docs', isOwn: (path) => path === PAGE, source: SOURCE, files: eventPage };
  main(generator);
}
