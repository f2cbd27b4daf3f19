/** Heap of plain parsed objects in a Map, nothing left out: what a cache without any care would hold. Arguments: objects. */
import { servedVm } from '../sample-vm';
import { liveHeapBytes } from './heap';

function measure(objects: number): void {
  const cache = new Map<string, unknown>();
  const before = liveHeapBytes();
  for (let n = 0; n < objects; n++) cache.set(`default/vm-${n}`, JSON.parse(JSON.stringify(servedVm(n, n + 1))));
  const heapBytesPerObject = (liveHeapBytes() - before) / objects;
  process.send?.({ heapBytesPerObject, kept: cache.size });
}

measure(Number(process.argv[2]));
