/**
 * Structural CustomResourceDefinitions for VirtualMachine and VirtualMachineInstance.
 *
 * Owns: names, versions, subresources, printer columns and the types of the fields that matter here; everything else is kept as it comes.
 * Never: admission that KubeVirt does in webhooks (MAC format, known run strategies, running together with runStrategy), so that tests can
 * create what an older or newer KubeVirt let through.
 * Invariant: as in KubeVirt, a VM's status is a subresource and an instance's is not.
 */

type Schema = Readonly<Record<string, unknown>>;

const OPEN_OBJECT: Schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

function open(properties: Readonly<Record<string, Schema>>, more: Schema = {}): Schema {
  return { ...OPEN_OBJECT, properties, ...more };
}

const CONDITIONS: Schema = {
  type: 'array',
  items: open({ type: { type: 'string' }, status: { type: 'string' } }, { required: ['type', 'status'] }),
};

const INTERFACES: Schema = {
  type: 'array',
  items: open({ name: { type: 'string' }, macAddress: { type: 'string' }, state: { type: 'string' } }, { required: ['name'] }),
};

const VMI_SPEC: Schema = open(
  {
    domain: open({ devices: open({ interfaces: INTERFACES }) }),
    terminationGracePeriodSeconds: { type: 'integer', format: 'int64' },
    startStrategy: { type: 'string' },
  },
  { required: ['domain'] },
);

const CHANGE_REQUESTS: Schema = {
  type: 'array',
  items: {
    type: 'object',
    required: ['action'],
    properties: {
      action: { type: 'string' },
      uid: { type: 'string' },
      data: { type: 'object', additionalProperties: { type: 'string' } },
    },
  },
};

const VM_SCHEMA: Schema = open(
  {
    spec: open(
      {
        running: { type: 'boolean' },
        runStrategy: { type: 'string' },
        template: open({ metadata: { ...OPEN_OBJECT, nullable: true }, spec: VMI_SPEC }),
      },
      { required: ['template'] },
    ),
    status: open({
      created: { type: 'boolean' },
      ready: { type: 'boolean' },
      printableStatus: { type: 'string' },
      runStrategy: { type: 'string' },
      stateChangeRequests: CHANGE_REQUESTS,
      startFailure: { ...OPEN_OBJECT, nullable: true },
      conditions: CONDITIONS,
    }),
  },
  { required: ['spec'] },
);

const VMI_SCHEMA: Schema = open(
  {
    spec: VMI_SPEC,
    status: open({
      phase: { type: 'string' },
      conditions: CONDITIONS,
      interfaces: { type: 'array', items: open({ name: { type: 'string' }, mac: { type: 'string' } }) },
    }),
  },
  { required: ['spec'] },
);

interface Column {
  readonly name: string;
  readonly type: string;
  readonly jsonPath: string;
  readonly priority?: number;
}

function readyColumn(type: string): Column {
  return { name: type, type: 'string', jsonPath: `.status.conditions[?(@.type=='${type}')].status` };
}

const AGE: Column = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };

export interface CustomResourceDefinition {
  readonly apiVersion: 'apiextensions.k8s.io/v1';
  readonly kind: 'CustomResourceDefinition';
  readonly metadata: { readonly name: string };
  readonly spec: Schema;
}

function definition(singular: string, kind: string, shortNames: readonly string[], version: Schema): CustomResourceDefinition {
  const plural = `${singular}s`;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.kubevirt.io` },
    spec: {
      group: 'kubevirt.io',
      scope: 'Namespaced',
      names: { plural, singular, kind, listKind: `${kind}List`, shortNames, categories: ['all'] },
      versions: [{ name: 'v1', served: true, storage: true, ...version }],
    },
  };
}

export const VIRTUAL_MACHINE_CRD = definition('virtualmachine', 'VirtualMachine', ['vm', 'vms'], {
  schema: { openAPIV3Schema: VM_SCHEMA },
  subresources: { status: {} },
  additionalPrinterColumns: [AGE, { name: 'Status', type: 'string', jsonPath: '.status.printableStatus' }, readyColumn('Ready')],
});

export const VIRTUAL_MACHINE_INSTANCE_CRD = definition('virtualmachineinstance', 'VirtualMachineInstance', ['vmi', 'vmis'], {
  schema: { openAPIV3Schema: VMI_SCHEMA },
  additionalPrinterColumns: [
    AGE,
    { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
    readyColumn('Ready'),
    { ...readyColumn('Paused'), priority: 1 },
  ],
});

/** In the order to create them. */
export const KUBEVIRT_CRDS = [VIRTUAL_MACHINE_CRD, VIRTUAL_MACHINE_INSTANCE_CRD] as const;
