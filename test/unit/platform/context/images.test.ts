import { expect } from 'chai';
import { imagesOf } from '../../../../src/platform/context/images';

describe('images from the environment', () => {
  it('are named after their variables, in lower case with hyphens', () => {
    const environment = { RELATED_IMAGE_KUBEVIRT_METRICS_EXPORTER: 'example.com/kme:1', RELATED_IMAGE_A: ' b ', PATH: '/bin' };

    expect(imagesOf(environment)).to.deep.equal({ a: 'b', 'kubevirt-metrics-exporter': 'example.com/kme:1' });
  });

  it('leave out variables that are empty or have no name', () => {
    expect(imagesOf({ RELATED_IMAGE_EMPTY: ' ', RELATED_IMAGE_: 'x', RELATED_IMAGE_GONE: undefined })).to.deep.equal({});
  });
});
