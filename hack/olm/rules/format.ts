/** B01-B05: files, annotations and size, as `opm` and the pipelines of the catalogs want them. */
import { gzipSync } from 'node:zlib';
import { problem, type Rule } from '../rule';
import { textOf } from '../values';

const PREFIX = 'operators.operatorframework.io';
const NEEDED_FILES = ['metadata/annotations.yaml', 'tests/scorecard/config.yaml', 'bundle.Dockerfile'];
/** Of the files, packed: what the API server can store of a bundle. */
const MAX_BUNDLE_BYTES = 2 ** 20;
const MEDIA_TYPE = 'registry+v1';
const ANNOTATIONS: Readonly<Record<string, RegExp>> = {
  [`${PREFIX}.bundle.mediatype.v1`]: /^registry\+v1$/,
  [`${PREFIX}.bundle.manifests.v1`]: /^manifests\/$/,
  [`${PREFIX}.bundle.metadata.v1`]: /^metadata\/$/,
  [`${PREFIX}.bundle.package.v1`]: /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
  [`${PREFIX}.bundle.channels.v1`]: /./,
  [`${PREFIX}.bundle.channel.default.v1`]: /./,
  [`${PREFIX}.test.mediatype.v1`]: /^scorecard\+v1$/,
  [`${PREFIX}.test.config.v1`]: /^tests\/scorecard\/$/,
};

export const FORMAT_RULES: readonly Rule[] = [
  {
    id: 'B01',
    title: 'the files of a bundle are there, under names that registries accept',
    *check({ files }) {
      for (const path of NEEDED_FILES) if (!files.has(path)) yield problem(path, '', 'it is missing');
      for (const path of files.keys()) {
        if (path.startsWith('manifests/') && !/^manifests\/[a-z0-9][-a-z0-9_.]*\.yaml$/.test(path)) {
          yield problem(path, '', 'manifests/ holds files called <lower-case name>.yaml, and nothing else');
        }
      }
    },
  },
  {
    id: 'B02',
    title: `the annotations of ${MEDIA_TYPE} are complete, and are the labels of the image`,
    *check({ annotations, files }) {
      const path = 'metadata/annotations.yaml';
      for (const [name, pattern] of Object.entries(ANNOTATIONS)) {
        if (!pattern.test(textOf(annotations[name])))
          yield problem(path, `annotations["${name}"]`, `it is ${JSON.stringify(annotations[name])}; allowed: ${pattern.source}`);
      }
      const labels = new Map(
        [...(files.get('bundle.Dockerfile') ?? '').matchAll(/^LABEL ([^=\s]+)=(.*)$/gm)].map(([, key, value]) => [key!, value!]),
      );
      for (const name of new Set([...Object.keys(annotations), ...labels.keys()])) {
        if (labels.get(name) !== annotations[name]) {
          yield problem(
            'bundle.Dockerfile',
            `LABEL ${name}`,
            `it is ${JSON.stringify(labels.get(name))}, and ${JSON.stringify(annotations[name])} in ${path}`,
          );
        }
      }
    },
  },
  {
    id: 'B03',
    title: 'there is exactly one ClusterServiceVersion',
    *check({ manifests }) {
      const found = manifests.filter(({ object }) => object['kind'] === 'ClusterServiceVersion');
      if (found.length !== 1) yield problem('manifests/', '', `it holds ${found.length} ClusterServiceVersions; allowed: one`);
      for (const { path, object } of found) {
        if (object['apiVersion'] !== 'operators.coreos.com/v1alpha1')
          yield problem(path, 'apiVersion', 'allowed: operators.coreos.com/v1alpha1');
      }
    },
  },
  {
    id: 'B04',
    title: 'every file is YAML without repeated keys, with one object that has a kind and a name',
    *check({ yamlErrors, manifests }) {
      for (const [path, errors] of yamlErrors) for (const error of errors) yield problem(path, '', error);
      for (const { path, object } of manifests) {
        for (const field of ['apiVersion', 'kind']) if (textOf(object[field]) === '') yield problem(path, field, 'it is missing');
      }
    },
  },
  {
    id: 'B05',
    title: 'packed, the bundle fits into what the API server stores',
    *check({ files }) {
      const bytes = gzipSync([...files].map(([path, text]) => `${path}\n${text}`).join('\n')).length;
      if (bytes > MAX_BUNDLE_BYTES) yield problem('.', '', `packed it has ${bytes} bytes; allowed: ${MAX_BUNDLE_BYTES}`);
    },
  },
];
