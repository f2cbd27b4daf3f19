/** The door to previews of what the module would do. */
export { type ClusterSnapshot, type SnapshotOptions, takeSnapshot } from './cluster-snapshot';
export { anchorKindOf, type ContextFile, OfflineCluster, PreviewFileError, parseContextFile } from './offline-cluster';
export { type PreviewParts, type PreviewRow, previewCatalog } from './preview';
export { type PreviewFormat, previewText } from './rendered-output';
