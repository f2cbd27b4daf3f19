import { expect } from 'chai';
import { type HttpMethod, requestInfo, resourceId } from '../../../../src/framework/client';

describe('request info', () => {
  const table: readonly (readonly [HttpMethod, string, Record<string, string>, string])[] = [
    ['GET', '/api/v1/pods', {}, 'list  pods'],
    ['GET', '/api/v1/pods', { watch: '1' }, 'watch  pods'],
    ['GET', '/api/v1/pods', { watch: 'true', fieldSelector: 'metadata.name=p' }, 'watch  pods name=p'],
    ['GET', '/api/v1/namespaces/ns/pods', {}, 'list  pods ns=ns'],
    ['GET', '/api/v1/namespaces/ns/pods/p', {}, 'get  pods ns=ns name=p'],
    ['GET', '/api/v1/namespaces', {}, 'list  namespaces'],
    ['GET', '/api/v1/namespaces/ns', {}, 'get  namespaces name=ns'],
    ['PUT', '/api/v1/namespaces/ns/finalize', {}, 'update  namespaces/finalize name=ns'],
    ['POST', '/api/v1/namespaces/ns/events', {}, 'create  events ns=ns'],
    ['DELETE', '/api/v1/nodes/n', {}, 'delete  nodes name=n'],
    ['DELETE', '/api/v1/namespaces/ns/pods', {}, 'deletecollection  pods ns=ns'],
    ['PATCH', '/apis/apps/v1/namespaces/ns/daemonsets/d', {}, 'patch apps daemonsets ns=ns name=d'],
    ['PATCH', '/apis/example.org/v1/widgets/w/status', {}, 'patch example.org widgets/status name=w'],
    [
      'PUT',
      '/apis/subresources.kubevirt.io/v1/namespaces/ns/virtualmachines/vm/start',
      {},
      'update subresources.kubevirt.io virtualmachines/start ns=ns name=vm',
    ],
    ['GET', '/version', {}, 'get url=/version'],
    ['GET', '/apis/apps/v1', {}, 'get url=/apis/apps/v1'],
    ['GET', '/api/v1', {}, 'get url=/api/v1'],
    ['GET', '/apis/example.org/v1/widgets/a%2Fb', {}, 'get example.org widgets name=a/b'],
  ];
  for (const [method, path, query, expected] of table) {
    it(`reads ${method} ${path}${query['watch'] === undefined ? '' : ' as a watch'}`, () => {
      const { verb, group, resource, subresource, namespace, name, nonResourceUrl } = requestInfo(method, path, query);
      const parts =
        nonResourceUrl === undefined
          ? [verb, group, `${resource}${subresource === '' ? '' : `/${subresource}`}`]
          : [verb, `url=${nonResourceUrl}`];
      if (namespace !== undefined) parts.push(`ns=${namespace}`);
      if (name !== undefined) parts.push(`name=${name}`);

      expect(parts.join(' ')).to.equal(expected);
    });
  }

  it('names resources as people do', () => {
    expect(resourceId(requestInfo('GET', '/apis/example.org/v1/widgets/w/status'))).to.equal('widgets.example.org/status');
    expect(resourceId(requestInfo('GET', '/api/v1/pods'))).to.equal('pods');
    expect(resourceId(requestInfo('GET', '/healthz'))).to.equal(undefined);
  });
});
