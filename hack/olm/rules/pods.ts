/** B24-B28: the pods that OLM starts. */
import { type Bundle, type Container, containers, deployments, spec } from '../bundle';
import { problem, type Rule } from '../rule';
import { at, listOf, mapOf, textOf } from '../values';

/** Registry, path, and a tag or a digest or both. */
const IMAGE = /^[a-z0-9.-]+(?::\d+)?\/[a-z0-9]+(?:[._/-]+[a-z0-9]+)*(?::(?<tag>[\w][\w.-]{0,127}))?(?<digest>@sha256:[0-9a-f]{64})?$/;
const MAIN = 'manager';

export const POD_RULES: readonly Rule[] = [
  {
    id: 'B24',
    title: 'there is one Deployment, its container is called manager, and its labels are its selector',
    *check(bundle) {
      const { path } = bundle.csv;
      const field = 'spec.install.spec.deployments';
      if (textOf(spec(bundle, 'install', 'strategy')) !== 'deployment') yield problem(path, 'spec.install.strategy', 'allowed: deployment');
      if (deployments(bundle).length !== 1) yield problem(path, field, `there are ${deployments(bundle).length}; allowed: one`);
      if (!containers(bundle).some(({ container }) => container['name'] === MAIN))
        yield problem(path, field, `no container is called ${MAIN}`);
      for (const [index, deployment] of deployments(bundle).entries()) {
        const labels = mapOf(at(deployment, 'spec', 'template', 'metadata', 'labels'));
        const selector = Object.entries(mapOf(at(deployment, 'spec', 'selector', 'matchLabels')));
        if (selector.length === 0 || selector.some(([key, value]) => labels[key] !== value))
          yield problem(path, `${field}[${index}].spec.selector`, 'its labels are not those of the pods');
      }
    },
  },
  {
    id: 'B25',
    title: 'every container requests CPU and memory',
    *check(bundle) {
      for (const { field, container } of containers(bundle)) {
        for (const resource of ['cpu', 'memory']) {
          if (textOf(at(container, 'resources', 'requests', resource)) === '')
            yield problem(bundle.csv.path, `${field}.resources.requests.${resource}`, 'it is missing');
        }
      }
    },
  },
  {
    id: 'B26',
    title: 'every container tells whether it lives and whether it is ready',
    *check(bundle) {
      for (const { field, container, isInit } of containers(bundle)) {
        if (isInit) continue;
        for (const probe of ['livenessProbe', 'readinessProbe'])
          if (container[probe] === undefined) yield problem(bundle.csv.path, `${field}.${probe}`, 'it is missing');
      }
    },
  },
  {
    id: 'B27',
    title: 'pods fit the Pod Security profile restricted and the SCC restricted-v2',
    *check(bundle) {
      for (const container of containers(bundle)) {
        for (const [field, text] of insecurities(container)) yield problem(bundle.csv.path, `${container.field}.${field}`, text);
      }
    },
  },
  {
    id: 'B28',
    title: 'images are named with their registry and a fixed version, and are the related ones',
    *check(bundle) {
      const { path } = bundle.csv;
      const related = listOf(spec(bundle, 'relatedImages')).map((entry) => textOf(at(entry, 'image')));
      const used = usedImages(bundle);
      for (const image of used) {
        const match = IMAGE.exec(image);
        if (match === null || (match.groups?.['tag'] ?? match.groups?.['digest']) === undefined)
          yield problem(path, 'image', `${JSON.stringify(image)} is no registry/repository:tag`);
        if (match?.groups?.['tag'] === 'latest') yield problem(path, 'image', `${image} changes its meaning`);
        if (!related.includes(image)) yield problem(path, 'spec.relatedImages', `${image} is missing`);
      }
      for (const image of related) if (!used.includes(image)) yield problem(path, 'spec.relatedImages', `${image} is used nowhere`);
    },
  },
];

function usedImages(bundle: Bundle): string[] {
  return containers(bundle).flatMap(({ container }) => {
    const told = listOf(container['env'])
      .map(mapOf)
      .filter(({ name }) => /^RELATED_IMAGE_|^AGENT_IMAGE$/.test(textOf(name)));
    return [textOf(container['image']), ...told.map(({ value }) => textOf(value))];
  });
}

/** Field below the container, and what is wrong with it. */
function insecurities({ pod, container }: Container): [string, string][] {
  const own = mapOf(container['securityContext']);
  const ofPod = mapOf(pod['securityContext']);
  const found: [string, string][] = [];
  const refuse = (isWrong: boolean, field: string, text: string): void => {
    if (isWrong) found.push([field, text]);
  };
  refuse(own['allowPrivilegeEscalation'] !== false, 'securityContext.allowPrivilegeEscalation', 'allowed: false');
  refuse(own['readOnlyRootFilesystem'] !== true, 'securityContext.readOnlyRootFilesystem', 'allowed: true');
  refuse(own['privileged'] === true, 'securityContext.privileged', 'allowed: false');
  refuse(listOf(at(own, 'capabilities', 'drop'))[0] !== 'ALL', 'securityContext.capabilities.drop', 'allowed: [ALL]');
  refuse(listOf(at(own, 'capabilities', 'add')).length > 0, 'securityContext.capabilities.add', 'allowed: nothing');
  refuse((own['runAsNonRoot'] ?? ofPod['runAsNonRoot']) !== true, 'securityContext.runAsNonRoot', 'allowed: true, here or on the pod');
  refuse(
    textOf(at(own, 'seccompProfile', 'type') ?? at(ofPod, 'seccompProfile', 'type')) !== 'RuntimeDefault',
    'securityContext.seccompProfile',
    'allowed: RuntimeDefault',
  );
  for (const key of ['runAsUser', 'runAsGroup', 'fsGroup']) {
    refuse(own[key] !== undefined || ofPod[key] !== undefined, `securityContext.${key}`, 'OpenShift chooses it: leave it out');
  }
  for (const key of ['hostNetwork', 'hostPID', 'hostIPC']) refuse(pod[key] === true, key, 'allowed: false');
  refuse(
    listOf(pod['volumes']).some((volume) => at(volume, 'hostPath') !== undefined),
    'volumes',
    'a path of the host is mounted',
  );
  refuse(
    listOf(container['ports']).some((port) => at(port, 'hostPort') !== undefined),
    'ports',
    'a port of the host is taken',
  );
  return found;
}
