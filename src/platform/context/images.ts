/** Images from the environment: `RELATED_IMAGE_KUBEVIRT_METRICS_EXPORTER=ref` is the image `kubevirt-metrics-exporter`. Pure. */
export const IMAGE_VARIABLE_PREFIX = 'RELATED_IMAGE_';

export function imagesOf(environment: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  const images: [string, string][] = [];
  for (const [variable, reference] of Object.entries(environment)) {
    const name = variable.startsWith(IMAGE_VARIABLE_PREFIX)
      ? variable.slice(IMAGE_VARIABLE_PREFIX.length).toLowerCase().replaceAll('_', '-')
      : '';
    const image = reference?.trim() ?? '';
    if (name !== '' && image !== '') images.push([name, image]);
  }
  return Object.freeze(Object.fromEntries(images.sort(([a], [b]) => (a < b ? -1 : 1))));
}
