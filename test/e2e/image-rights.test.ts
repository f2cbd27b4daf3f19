import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { ROOT } from '../harness/steward-cluster';
import { ImageContainer } from './image-container';

const { version, devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  version: string;
  devDependencies: Record<string, string>;
};
const ARCHITECTURE = process.arch === 'arm64' ? 'arm64' : 'amd64';
const IMAGES = join(ROOT, 'dist', 'images');
const PROGRAM = ['/usr/local/bin/node', '--enable-source-maps', '/opt/virt-steward/dist/main.js'];
const BIND_UDP_9 = "const s = require('dgram').createSocket('udp4'); s.bind(9, () => { console.log('bound'); s.close(); })";
/** The user of the image, and one as OpenShift chooses them. */
const USERS = [65_532, 1_000_700_000];

describe('images, run by runc with the security context of their pods (I10)', function () {
  this.timeout(120_000);
  let manager: ImageContainer;
  let agent: ImageContainer;

  before(async function () {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) return this.skip();
    this.timeout(0);
    const archive = (name: string): string => join(IMAGES, `${name}-${version}-${ARCHITECTURE}.tar`);
    manager = await ImageContainer.unpack(archive('manager'));
    agent = await ImageContainer.unpack(archive('agent'));
  });

  after(() => {
    manager?.remove();
    agent?.remove();
  });

  for (const userId of USERS) {
    it(`manager --help runs as ${userId} without any capability`, async () => {
      const result = await manager.run({ args: [...PROGRAM, 'manager', '--help'], userId, capabilities: [] });

      expect(result).to.deep.include({ exitCode: 0, stderr: '' });
      expect(result.stdout).to.contain('--grpc-bind-address');
    });

    it(`agent --help runs as ${userId} with NET_BIND_SERVICE, and may open UDP port 9`, async () => {
      const capabilities = ['CAP_NET_BIND_SERVICE'];
      const help = await agent.run({ args: [...PROGRAM, 'agent', '--help'], userId, capabilities });
      const bind = await agent.run({ args: ['/usr/local/bin/node', '-e', BIND_UDP_9], userId, capabilities });

      expect(help).to.deep.include({ exitCode: 0, stderr: '' });
      expect(help.stdout).to.contain('--operator-address');
      expect(bind).to.deep.equal({ exitCode: 0, stdout: 'bound\n', stderr: '' });
    });
  }

  it('the Node.js of agents does not even start without NET_BIND_SERVICE, and says why', async () => {
    const result = await agent.run({ args: [...PROGRAM, 'agent', '--help'], userId: 65_532, capabilities: [] });

    expect(result.exitCode).to.be.above(0);
    expect(result.stderr).to.match(/exec.*operation not permitted/);
    expect(readFileSync(join(ROOT, 'docs/operations/troubleshooting.md'), 'utf8')).to.contain('operation not permitted');
  });

  it('virt-steward is on the PATH of the manager; it and Node.js are of the versions of package.json', async () => {
    const run = (...args: string[]): ReturnType<ImageContainer['run']> => manager.run({ args, userId: 65_532, capabilities: [] });

    expect((await run('/usr/local/bin/virt-steward', '--version')).stdout).to.equal(`${version}\n`);
    expect((await run('/usr/local/bin/node', '--version')).stdout).to.equal(`v${devDependencies['node']}\n`);
  });
});
