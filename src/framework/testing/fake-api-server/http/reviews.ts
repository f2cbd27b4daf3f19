/** TokenReview, SubjectAccessReview and SelfSubjectAccessReview: created, answered, never stored. */
import type { Authenticator, FakeUser } from '../auth/authenticator';
import { isObject, type JsonObject, objectOr } from '../json';
import type { Answer, ApiCall } from './resource-handler';

/** `undefined` when the request is no review. */
export function answerReview({ request, body }: ApiCall, user: FakeUser, authenticator: Authenticator): Answer | undefined {
  if (request.verb !== 'create' || request.version !== 'v1') return undefined;
  const answers: Record<string, (spec: JsonObject) => JsonObject> = {
    'authentication.k8s.io/tokenreviews': (spec) => authenticator.reviewToken(spec),
    'authorization.k8s.io/subjectaccessreviews': (spec) => authenticator.reviewAccess(spec),
    'authorization.k8s.io/selfsubjectaccessreviews': (spec) => authenticator.reviewAccess(spec, user),
  };
  const answer = answers[`${request.group}/${request.resource}`];
  if (answer === undefined) return undefined;
  const parsed: unknown = JSON.parse(body);
  const review = isObject(parsed) ? parsed : {};
  return {
    status: 201,
    body: { ...review, metadata: objectOr(review['metadata']), status: answer(objectOr(review['spec'])) },
    warnings: [],
  };
}
