/** B06-B12: what the ClusterServiceVersion says of the operator as a whole. */
import { annotation, spec } from '../bundle';
import { problem, type Rule } from '../rule';
import { at, listOf, mapOf, textOf, textsOf } from '../values';

/** As semver.org gives it, without build metadata: labels cannot hold a plus sign. */
const SEMVER =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?$/;
const MAX_NAME_CHARS = 63;
const MIN_DESCRIPTION_CHARS = 600;
const MAX_ICON_BYTES = 20 * 1_024;
const EMAIL = /^[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+$/;
/** OpenShift 4.17 is Kubernetes 1.30, and so on. */
const OPENSHIFT_TO_KUBERNETES = 13;
/** The beginning of each kind of picture. */
const PICTURES: Readonly<Record<string, RegExp>> = {
  'image/svg+xml': /^(?:<\?xml[^>]*>\s*)?<svg[\s>]/,
  'image/png': /^\x89PNG/,
  'image/jpeg': /^\xff\xd8\xff/,
  'image/gif': /^GIF8/,
};

export const SERVICE_VERSION_RULES: readonly Rule[] = [
  {
    id: 'B06',
    title: 'the name is package.v and a version that can be compared',
    *check(bundle) {
      const { path, object } = bundle.csv;
      const name = textOf(at(object, 'metadata', 'name'));
      const version = textOf(spec(bundle, 'version'));
      const wanted = `${textOf(bundle.annotations['operators.operatorframework.io.bundle.package.v1'])}.v${version}`;
      if (!SEMVER.test(version) || version === '0.0.0')
        yield problem(path, 'spec.version', `it is ${JSON.stringify(version)}; allowed: a semantic version above 0.0.0`);
      if (name !== wanted) yield problem(path, 'metadata.name', `it is ${name}; needed: ${wanted}`);
      if (name.length > MAX_NAME_CHARS)
        yield problem(path, 'metadata.name', `it has ${name.length} characters; allowed: ${MAX_NAME_CHARS}`);
    },
  },
  {
    id: 'B07',
    title: 'there is exactly one icon, and it is the picture that it says it is',
    *check(bundle) {
      const icons = listOf(spec(bundle, 'icon'));
      const field = 'spec.icon';
      if (icons.length !== 1) return yield problem(bundle.csv.path, field, `there are ${icons.length}; allowed: one`);
      const type = textOf(at(icons[0], 'mediatype'));
      const bytes = Buffer.from(textOf(at(icons[0], 'base64data')), 'base64');
      const picture = PICTURES[type];
      if (picture === undefined)
        return yield problem(
          bundle.csv.path,
          field,
          `its mediatype is ${JSON.stringify(type)}; allowed: ${Object.keys(PICTURES).join(', ')}`,
        );
      if (!picture.test(bytes.toString('latin1'))) yield problem(bundle.csv.path, field, `its data is no ${type}`);
      if (bytes.length > MAX_ICON_BYTES) yield problem(bundle.csv.path, field, `it has ${bytes.length} bytes; allowed: ${MAX_ICON_BYTES}`);
    },
  },
  {
    id: 'B08',
    title: 'the display name, the description and the provider say something',
    *check(bundle) {
      const { path } = bundle.csv;
      const displayName = textOf(spec(bundle, 'displayName'));
      const description = textOf(spec(bundle, 'description'));
      if (displayName.length < 3 || displayName.length > 50)
        yield problem(path, 'spec.displayName', `it has ${displayName.length} characters; allowed: 3 to 50`);
      if (description.length < MIN_DESCRIPTION_CHARS)
        yield problem(path, 'spec.description', `it has ${description.length} characters; needed: ${MIN_DESCRIPTION_CHARS}`);
      if (textOf(spec(bundle, 'provider', 'name')).length < 3) yield problem(path, 'spec.provider.name', 'it has fewer than 3 characters');
    },
  },
  {
    id: 'B09',
    title: 'there are links, and maintainers who can be reached',
    *check(bundle) {
      const { path } = bundle.csv;
      const links = listOf(spec(bundle, 'links'));
      const maintainers = listOf(spec(bundle, 'maintainers'));
      if (links.length === 0) yield problem(path, 'spec.links', 'there is none');
      for (const link of links) {
        const { name, url } = mapOf(link);
        if (textOf(name) === '' || !URL.canParse(textOf(url)))
          yield problem(path, 'spec.links', `${JSON.stringify(link)} needs a name and a URL`);
      }
      if (maintainers.length === 0) yield problem(path, 'spec.maintainers', 'there is none');
      for (const maintainer of maintainers) {
        const { name, email } = mapOf(maintainer);
        if (textOf(name) === '' || !EMAIL.test(textOf(email)))
          yield problem(path, 'spec.maintainers', `${JSON.stringify(maintainer)} needs a name and an e-mail address`);
      }
    },
  },
  {
    id: 'B10',
    title: 'there are keywords and a maturity',
    *check(bundle) {
      const { path } = bundle.csv;
      if (textsOf(spec(bundle, 'keywords')).filter(Boolean).length === 0) yield problem(path, 'spec.keywords', 'there is none');
      if (!/^(planning|pre-alpha|alpha|beta|stable|mature|inactive|deprecated)$/.test(textOf(spec(bundle, 'maturity')))) {
        yield problem(path, 'spec.maturity', `it is ${JSON.stringify(spec(bundle, 'maturity'))}; allowed: alpha, beta, stable and so on`);
      }
    },
  },
  {
    id: 'B11',
    title: 'the lowest Kubernetes is that of the lowest OpenShift, and both are said',
    *check(bundle) {
      const { path } = bundle.csv;
      const kubernetes = textOf(spec(bundle, 'minKubeVersion'));
      const openShift = textOf(bundle.annotations['com.redhat.openshift.versions']);
      if (!SEMVER.test(kubernetes))
        return yield problem(path, 'spec.minKubeVersion', `it is ${JSON.stringify(kubernetes)}; allowed: a semantic version`);
      const lowest = /^[=]?v4\.(\d+)/.exec(openShift)?.[1];
      if (lowest === undefined) {
        return yield problem(
          'metadata/annotations.yaml',
          'com.redhat.openshift.versions',
          `it is ${JSON.stringify(openShift)}; allowed: v4.17, or a range that begins with it`,
        );
      }
      const minor = Number(kubernetes.split('.')[1]);
      const served = Number(lowest) + OPENSHIFT_TO_KUBERNETES;
      if (minor > served)
        yield problem(path, 'spec.minKubeVersion', `it is ${kubernetes}, and OpenShift 4.${lowest} is Kubernetes 1.${served}`);
    },
  },
  {
    id: 'B12',
    title: 'the version replaces another one, or none, and skips no range',
    *check(bundle) {
      const { path, object } = bundle.csv;
      const replaces = spec(bundle, 'replaces');
      if (replaces !== undefined && (replaces === at(object, 'metadata', 'name') || !/\.v\d/.test(textOf(replaces)))) {
        yield problem(path, 'spec.replaces', `it is ${JSON.stringify(replaces)}; allowed: the name of an earlier version`);
      }
      if (annotation(bundle, 'olm.skipRange') !== '') yield problem(path, 'metadata.annotations["olm.skipRange"]', 'it must not be there');
    },
  },
];
