/** What the manager has made for the platform module beside what it looks after, which stays as it is. */
import { ConfigMap } from '../framework';
import { STATUS_NAME } from './observability/status-document';

export const platformRemoval = { made: [{ kind: ConfigMap, name: STATUS_NAME }], kept: [], ownKinds: [] };
