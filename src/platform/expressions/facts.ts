/**
 * The variables of the context that have named fields, with the type of each field: a misspelt field is found when the catalog is loaded.
 *
 * Invariant: field for field the interfaces of `context/asset-context.ts`; the compiler holds this.
 */
import type { AnchorSettings, Hardware, OperatorFacts, Topology } from '../context/asset-context';
import { celValueOf, FactsValue } from './cel-values';
import type { AssetFacts } from './expression';

type FieldTypes<T> = Readonly<Record<keyof T, string>>;

/** How one such variable is known to the language, and how its value is made. */
export interface FactsType<T extends object = object> {
  readonly typeName: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly ctor: new (values: T) => FactsValue;
  /** What was made once is not made again. */
  valueFor(facts: T): FactsValue;
}

function factsType<T extends object>(typeName: string, fields: FieldTypes<T>): FactsType<T> {
  const ctor = class extends FactsValue {
    constructor(values: T) {
      super();
      for (const field of Object.keys(fields)) {
        const value = (values as Record<string, unknown>)[field];
        if (value !== undefined && value !== null) Object.assign(this, { [field]: celValueOf(value) });
      }
    }
  };
  const values = new WeakMap<T, FactsValue>();
  const valueFor = (facts: T): FactsValue => {
    let value = values.get(facts);
    if (value === undefined) {
      value = new ctor(facts);
      values.set(facts, value);
    }
    return value;
  };
  return { typeName, fields, ctor, valueFor };
}

export const SETTINGS = factsType<AnchorSettings>('Settings', {
  namespace: 'string',
  apiVersion: 'string',
  hcoPresent: 'bool',
  gates: 'map<string, bool>',
  migrationsPerCluster: 'int',
  migrationsPerNode: 'int',
  ksmConfigured: 'bool',
  memoryOvercommit: 'int',
});

export const HARDWARE = factsType<Hardware>('Hardware', {
  pciDevicesPresent: 'bool',
  gpuPresent: 'bool',
  vfioCapable: 'bool',
  numaNodesPresent: 'bool',
  usbDevicesPresent: 'bool',
  resources: 'map<string, int>',
});

export const TOPOLOGY = factsType<Topology>('Topology', {
  isOpenShift: 'bool',
  openshiftVersion: 'string',
  controlPlaneTopology: 'string',
  isHCP: 'bool',
  cloudProvider: 'string',
  isAWS: 'bool',
  isAzure: 'bool',
  isGCP: 'bool',
  isBareMetal: 'bool',
  isVSphere: 'bool',
  isOpenStack: 'bool',
  hasSchedulableMasters: 'bool',
  isCompact: 'bool',
  masterCount: 'int',
  workerCount: 'int',
  totalNodeCount: 'int',
  architectures: 'list<string>',
  roles: 'list<string>',
  hostPrefix: 'int',
});

export const OPERATOR = factsType<OperatorFacts>('OperatorFacts', {
  namespace: 'string',
  version: 'string',
  catalogVersion: 'string',
  metricsPort: 'int',
  metricsSecure: 'bool',
  inCluster: 'bool',
  runbookUrl: 'string',
});

export const SELF = factsType<AssetFacts>('AssetFacts', { apiVersion: 'string', name: 'string', group: 'string' });
