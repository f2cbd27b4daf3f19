import { expect } from 'chai';
import { AllowedImages, chooseImage, isRepositoryPattern, repositoryOf } from '../../../../src/wol/deployment/agent-image';

const DEFAULT = 'registry.example.org:5000/virt-steward/agent:1.0.0@sha256:abc';

describe('the image of agents', () => {
  const repositories: readonly (readonly [string, string])[] = [
    ['agent', 'agent'],
    ['agent:1', 'agent'],
    ['localhost:5000/agent', 'localhost:5000/agent'],
    ['localhost:5000/agent:1', 'localhost:5000/agent'],
    ['registry.example.org/team/agent@sha256:0123', 'registry.example.org/team/agent'],
    ['registry.example.org/team/agent:1@sha256:0123', 'registry.example.org/team/agent'],
  ];
  for (const [image, repository] of repositories) {
    it(`${image} is of the repository ${repository}`, () => expect(repositoryOf(image)).to.equal(repository));
  }

  it('is the default one unless the config names one', () => {
    const allowed = new AllowedImages(DEFAULT, []);

    expect(chooseImage(undefined, allowed)).to.deep.equal({ image: DEFAULT });
    expect(chooseImage('', allowed)).to.deep.equal({ image: DEFAULT });
  });

  it('may be another version of the default one without any list', () => {
    const wanted = 'registry.example.org:5000/virt-steward/agent:2.0.0';

    expect(chooseImage(wanted, new AllowedImages(DEFAULT, []))).to.deep.equal({ image: wanted });
  });

  const cases: readonly (readonly [string, readonly string[], boolean])[] = [
    ['other.example.org/agent:1', [], false],
    ['other.example.org/agent:1', ['other.example.org/agent'], true],
    ['other.example.org/agent2:1', ['other.example.org/agent'], false],
    ['evil.example.net/other.example.org/agent:1', ['other.example.org/agent'], false],
    ['other.example.org/team/agent:1', ['other.example.org/*'], true],
    ['otherXexample.org/agent:1', ['other.example.org/*'], false],
    ['other.example.org/a/b:1', ['*.example.org/a/b', 'x'], true],
    ['anything@sha256:0123', ['*'], true],
    ['registry.example.org:5000/virt-steward/agent-evil:1', [], false],
  ];
  for (const [image, list, isAllowed] of cases) {
    it(`${image} is ${isAllowed ? 'taken' : 'refused'} with the list [${list.join(', ')}]`, () => {
      expect(chooseImage(image, new AllowedImages(DEFAULT, list))).to.deep.equal(isAllowed ? { image } : { refused: image });
    });
  }

  it('is matched by repository: an entry with a tag or digest is none', () => {
    expect(['*', 'a/b', 'localhost:5000/*'].every(isRepositoryPattern)).to.equal(true);
    expect(['a/b:1', 'a@sha256:0', 'a b'].some(isRepositoryPattern)).to.equal(false);
  });
});
