/** Stands in for the generated code that KubeConfig needs to make an API class; the only one made is the empty one beside this file. */
export class ServerConfiguration {}

export const createConfiguration = () => ({});
