import { expect } from 'chai';
import { Secret } from '../../../../src/framework';
import { status } from '../../../../src/framework/testing';
import { KubevirtConfig } from '../../../../src/machines';
import { type Binding, ClusterRoleBinding, CONFIG_LABEL } from '../../../../src/machines/remote-access/remote-access-objects';
import { AccessWorld, READY, TOKEN, withProblem } from './access-world';

const PUT_BACK = 'Secret default/east-kubeconfig and KubevirtConfig default/east are as they were';

describe('renewing the credential of a cluster', () => {
  it('deletes the one before only after the manager has told that the new one is in use', async () => {
    await using world = await AccessWorld.start();
    world.connected();
    const old = world.config!.status!;

    const { done, printed, warnings, looks } = await world.run((looks) => {
      expect(world.credentials).to.include('virt-steward-old');
      if (looks === 20) world.say({ ...old, observedCredentials: world.origin });
      if (looks === 40) world.say({ ...READY, credentialsInUse: world.origin, observedCredentials: world.origin });
    });

    expect(done).to.equal(true);
    expect(looks).to.equal(41);
    expect(printed).to.deep.equal(['KubevirtConfig default/east is Ready']);
    expect(warnings.at(-1)).to.equal('deleted the credential before, Secret virt-steward/virt-steward-old');
    expect(world.credentials).to.have.length(1).and.not.include('virt-steward-old');
    expect(world.kubeconfig).to.include(TOKEN);
  });

  it('waits for Ready, too, when the new credential is in use', async () => {
    await using world = await AccessWorld.start();
    world.connected();

    const { done } = await world.run((looks) => {
      const used = { credentialsInUse: world.origin, observedCredentials: world.origin };
      if (looks === 0) world.say({ phase: 'Unreachable', status: 'KubeVirtNotReady', message: 'no', ...used });
      if (looks === 10) expect(world.credentials).to.include('virt-steward-old');
      if (looks === 10) world.say({ ...READY, ...used });
    });

    expect(done).to.equal(true);
    expect(world.credentials).to.have.length(1).and.not.include('virt-steward-old');
  });

  it('puts everything back when the KubevirtConfig tells that the new one cannot be used, and says what it tells', async () => {
    await using world = await AccessWorld.start();
    world.connected();
    const credentialsInUse = world.config!.status!.credentialsInUse!;

    const { done, printed, warnings } = await world.run((looks) => {
      if (looks === 3) world.say({ ...withProblem('connection refused'), credentialsInUse, observedCredentials: world.origin });
    });

    expect(done).to.equal(false);
    expect(printed).to.deep.equal([]);
    expect(warnings.slice(2)).to.deep.equal([
      'KubevirtConfig default/east is Ready with the credential before, and of the new one it says: NotConnected: connection refused',
      `the credential before is still in use and was kept: ${PUT_BACK}`,
      warnings[4],
      'mend the cause and run this command again',
    ]);
    expect(warnings[4]).to.match(/^deleted the new credential, Secret virt-steward\/virt-steward-[0-9a-f]{8}$/);
    expect(world.kubeconfig).to.equal('old');
    expect(world.credentials).to.deep.equal(['virt-steward-old']);
    expect(warnings.join()).to.not.include(TOKEN);
  });

  it('does not take a word about an earlier credential for one about the new one', async () => {
    await using world = await AccessWorld.start();
    world.connected();
    const credentialsInUse = world.config!.status!.credentialsInUse!;

    const { done, looks } = await world.run((looks) => {
      if (looks === 0) world.say({ ...withProblem('of before'), credentialsInUse, observedCredentials: credentialsInUse });
      if (looks === 20) world.say({ ...READY, credentialsInUse: world.origin, observedCredentials: world.origin });
    });

    expect(done).to.equal(true);
    expect(looks).to.equal(21);
    expect(world.kubeconfig).to.include(TOKEN);
  });

  it('puts everything back when no manager takes the new one up in time', async () => {
    await using world = await AccessWorld.start();
    world.connected();

    const { done, warnings } = await world.run();

    expect(done).to.equal(false);
    expect(warnings[2]).to.match(/^KubevirtConfig default\/east has not taken up the new credential within 240 s, .*; does a manager run/);
    expect(world.kubeconfig).to.equal('old');
    expect(world.credentials).to.deep.equal(['virt-steward-old']);
  });

  it('puts everything back when it is interrupted', async () => {
    await using world = await AccessWorld.start();
    world.connected();

    const { done, warnings } = await world.run((looks) => {
      if (looks === 5) world.interrupt.abort();
    });

    expect(done).to.equal(false);
    expect(warnings).to.include(`the credential before is still in use and was kept: ${PUT_BACK}`);
    expect(world.kubeconfig).to.equal('old');
    expect(world.credentials).to.deep.equal(['virt-steward-old']);
  });

  it('puts the reference back, and deletes its own Secret, when the KubevirtConfig named another one', async () => {
    await using world = await AccessWorld.start();
    world.connected({}, 'by-hand');

    const { done } = await world.run((looks) => {
      expect(world.config?.spec.kubeconfigSecretRef).to.equal('east-kubeconfig');
      if (looks === 2) world.say({ ...world.config!.status!, ...withProblem('refused'), observedCredentials: world.origin });
    });

    expect(done).to.equal(false);
    expect(world.config?.spec.kubeconfigSecretRef).to.equal('by-hand');
    expect(world.secret).to.equal(undefined);
    expect(world.supervisor.objects.get(Secret, 'default/by-hand')).to.not.equal(undefined);
    expect(world.credentials).to.deep.equal(['virt-steward-old']);
  });

  it('deletes the new one only after the manager uses the one before again, when it leads to another cluster', async () => {
    await using world = await AccessWorld.start();
    world.connected();
    let looksBack = 0;
    const changed = { phase: 'Invalid', status: 'ClusterChanged', message: 'another cluster' };

    const { done, warnings } = await world.run((looks) => {
      const used = { credentialsInUse: world.origin, observedCredentials: world.origin };
      if (looks === 1) world.say({ ...changed, ...used });
      if (world.kubeconfig !== 'old') return;
      expect(world.credentials).to.have.length(2);
      if (++looksBack === 10) world.say({ ...READY, ...used });
    });

    expect(done).to.equal(false);
    expect(looksBack).to.equal(10);
    expect(warnings[2]).to.equal('KubevirtConfig default/east is Invalid (ClusterChanged): another cluster');
    expect(world.credentials).to.deep.equal(['virt-steward-old']);
  });

  it('keeps the new one, and names it, when the manager goes on using it', async () => {
    await using world = await AccessWorld.start();
    world.connected();

    const { done, warnings } = await world.run((looks) => {
      const used = { credentialsInUse: world.origin, observedCredentials: world.origin };
      if (looks === 1) world.say({ phase: 'Invalid', status: 'ClusterChanged', message: 'another cluster', ...used });
    });

    expect(done).to.equal(false);
    expect(world.kubeconfig).to.equal('old');
    expect(world.credentials).to.have.length(2);
    const added = world.credentials.find((name) => name !== 'virt-steward-old');
    expect(warnings).to.include(
      `the manager still uses the new credential; delete Secret virt-steward/${added} on the remote cluster once it does not`,
    );
  });

  it('overwrites nothing that somebody else has written meanwhile, who may go back to what this run has written', async () => {
    await using world = await AccessWorld.start();
    world.connected();

    const { done, warnings } = await world.run((looks) => {
      if (looks !== 4) return;
      world.writeSecret('of somebody else');
      world.interrupt.abort();
    });

    expect(done).to.equal(false);
    expect(world.kubeconfig).to.equal('of somebody else');
    expect(world.credentials).to.have.length(2).and.include('virt-steward-old');
    expect(warnings.at(-3)).to.equal(
      'Secret default/east-kubeconfig was changed or deleted by somebody else and was left as it is; the credential before was kept',
    );
    expect(warnings.at(-2)).to.match(
      /^the new credential was kept, too; delete Secret virt-steward\/virt-steward-[0-9a-f]{8} on the remote/,
    );
  });

  it('deletes nothing that is in use when two people renew it at once', async () => {
    await using world = await AccessWorld.start();
    world.connected();

    const { done, warnings } = await world.run((looks) => {
      if (looks !== 4) return;
      world.credential('virt-steward-second', 'second');
      world.writeSecret('second');
      world.say({ ...READY, credentialsInUse: world.origin, observedCredentials: world.origin });
    });

    expect(done).to.equal(false);
    expect(world.credentials).to.include.members(['virt-steward-old', 'virt-steward-second']);
    expect(warnings[2]).to.equal(
      'Secret default/east-kubeconfig was changed or deleted by somebody else before the new credential was in use: another run of this command, or a tool that keeps it as it was?',
    );
  });

  it('keeps the one before when a tool puts it back into the Secret, and the manager uses it again', async () => {
    await using world = await AccessWorld.start();
    world.connected();

    const { done, warnings } = await world.run((looks) => {
      if (looks !== 4) return;
      world.writeSecret('old');
      world.say({ ...READY, credentialsInUse: world.origin, observedCredentials: world.origin });
    });

    expect(done).to.equal(false);
    expect(world.credentials).to.deep.equal(['virt-steward-old']);
    expect(warnings).to.include(`the credential before is still in use and was kept: ${PUT_BACK}`);
  });

  it('writes nothing over what somebody else has written since it looked', async () => {
    await using world = await AccessWorld.start();
    world.connected();

    const { done } = await world.run(undefined, () => world.writeSecret('of somebody else'));

    expect(done).to.equal(false);
    expect(world.kubeconfig).to.equal('of somebody else');
    expect(world.credentials).to.deep.equal(['virt-steward-old']);
  });

  it('keeps the credentials of the account that nobody knows the user of, and names them', async () => {
    await using world = await AccessWorld.start();
    world.connected();
    world.credential('virt-steward-of-another-supervisor', 'another');

    const { done, warnings } = await world.run((looks) => {
      if (looks === 3) world.say({ ...READY, credentialsInUse: world.origin, observedCredentials: world.origin });
    });

    expect(done).to.equal(true);
    expect(world.credentials).to.have.length(2).and.include('virt-steward-of-another-supervisor').and.not.include('virt-steward-old');
    expect(warnings.at(-1)).to.match(/^other credentials of the account were kept, .*: virt-steward-of-another-supervisor; delete those/);
  });

  it('deletes what an earlier run for the same KubevirtConfig has left', async () => {
    await using world = await AccessWorld.start();
    world.connected();
    const { uid = '' } = world.config!.metadata!;
    world.credential('virt-steward-left', 'left', { [CONFIG_LABEL]: uid });
    await world.pass(2 * 3_600_000);

    const { done } = await world.run((looks) => {
      if (looks === 3) world.say({ ...READY, credentialsInUse: world.origin, observedCredentials: world.origin });
    });

    expect(done).to.equal(true);
    expect(world.credentials).to.have.length(1).and.not.include('virt-steward-left');
  });

  it('goes on waiting while the API server of the supervisor is away', async () => {
    await using world = await AccessWorld.start();
    world.connected();

    const { done } = await world.run((looks) => {
      if (looks === 2) world.supervisor.faults.add({ on: { kind: KubevirtConfig }, do: status(500), times: 20 });
      if (looks === 30) world.say({ ...READY, credentialsInUse: world.origin, observedCredentials: world.origin });
    });

    expect(done).to.equal(true);
    expect(world.credentials).to.have.length(1).and.not.include('virt-steward-old');
  });

  it('puts everything back once the API server of the supervisor answers again', async () => {
    await using world = await AccessWorld.start();
    world.connected();

    const { done, warnings } = await world.run((looks) => {
      if (looks !== 5) return;
      world.supervisor.faults.add({ on: { kind: Secret }, do: status(500), times: 20 });
      world.interrupt.abort();
    });

    expect(done).to.equal(false);
    expect(warnings[2]).to.equal('interrupted: what was there before is put back, which may take a minute');
    expect(warnings).to.include(`the credential before is still in use and was kept: ${PUT_BACK}`);
    expect(world.kubeconfig).to.equal('old');
    expect(world.credentials).to.deep.equal(['virt-steward-old']);
  });

  it('says that the KubevirtConfig was deleted meanwhile, and waits no longer', async () => {
    await using world = await AccessWorld.start();
    world.connected();

    const { done, warnings, looks } = await world.run((looks) => {
      if (looks === 4) world.supervisor.objects.delete(KubevirtConfig, 'default/east');
    });

    expect(done).to.equal(false);
    expect(looks).to.equal(5);
    expect(warnings[2]).to.equal('KubevirtConfig default/east was deleted by somebody else before the new credential was in use');
    expect(warnings[3]).to.equal('the credential before was kept: Secret default/east-kubeconfig is as it was');
    expect(world.kubeconfig).to.equal('old');
  });

  it('leaves no credential behind when it is interrupted before there is a token', async () => {
    await using world = await AccessWorld.start();
    world.connected();

    const error = await world.run(undefined, () => world.interrupt.abort()).catch((failure: Error) => failure);

    expect(error).to.be.instanceOf(Error);
    expect(world.credentials).to.deep.equal(['virt-steward-old']);
    expect(world.kubeconfig).to.equal('old');
  });

  it('takes no rights away from another account on the remote cluster', async () => {
    await using world = await AccessWorld.start();
    world.connected();
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'virt-steward-remote' };
    const subjects = [{ kind: 'ServiceAccount', namespace: 'virt-steward', name: 'of-another-supervisor' }];
    const other: Binding & { roleRef: object } = { metadata: { name: 'virt-steward-remote' }, roleRef, subjects };
    world.remote.objects.create(ClusterRoleBinding, other);

    await world.run((looks) => {
      if (looks === 3) world.say({ ...READY, credentialsInUse: world.origin, observedCredentials: world.origin });
    });

    expect(world.remote.objects.list(ClusterRoleBinding).flatMap((binding) => binding.subjects)).to.deep.equal([
      ...subjects,
      { kind: 'ServiceAccount', namespace: 'virt-steward', name: 'virt-steward' },
    ]);
  });

  it('keeps the one before with a manager that does not tell which is in use, and says how to go on', async () => {
    await using world = await AccessWorld.start();
    world.connected();
    world.say(READY);

    const { done, warnings } = await world.run();

    expect(done).to.equal(true);
    expect(warnings.at(-2)).to.match(/^KubevirtConfig default\/east does not tell which credential is in use: the manager, or the CRD, is/);
    expect(warnings.at(-1)).to.equal(
      'once the new credential is in use, delete the older ones in virt-steward that no other KubevirtConfig or supervisor uses: virt-steward-old (kubectl delete secret -n virt-steward virt-steward-old)',
    );
    expect(world.credentials).to.have.length(2).and.include('virt-steward-old');
    expect(world.kubeconfig).to.include(TOKEN);
  });

  it('leaves the new one in place where nothing worked before, and keeps both', async () => {
    await using world = await AccessWorld.start();
    world.connected();
    const refused = { phase: 'Invalid', status: 'Unauthorized', message: '401' };
    world.say({ ...refused, observedCredentials: world.config!.status!.observedCredentials! });

    const { done, warnings } = await world.run((looks) => {
      if (looks === 1) world.say({ ...refused, observedCredentials: world.origin });
    });

    expect(done).to.equal(false);
    expect(warnings).to.include('KubevirtConfig default/east is Invalid (Unauthorized): 401');
    expect(world.kubeconfig).to.include(TOKEN);
    expect(world.credentials).to.have.length(2);
  });

  it('writes nothing, and makes no credential, when the Secret may not be read', async () => {
    await using world = await AccessWorld.start();
    world.connected();
    world.supervisor.faults.add({ on: { verb: 'get', kind: Secret }, do: status(403), times: 100 });

    const error = await world.run().catch((failure: Error) => failure);

    expect(error).to.be.instanceOf(Error);
    expect(world.credentials).to.deep.equal(['virt-steward-old']);
    expect(world.kubeconfig).to.equal('old');
  });
});

describe('connecting a cluster for the first time', () => {
  for (const [manager, tells] of [
    ['a manager that tells what is in use', true],
    ['an older manager', false],
  ] as const) {
    it(`is done when it is Ready, and deletes nothing, with ${manager}`, async () => {
      await using world = await AccessWorld.start();
      world.credential('virt-steward-of-another-supervisor', 'another');

      const { done, printed } = await world.run((looks) => {
        if (looks !== 3) return;
        world.say({ ...READY, ...(tells ? { credentialsInUse: world.origin, observedCredentials: world.origin } : {}) });
      });

      expect(done).to.equal(true);
      expect(printed).to.deep.equal(['KubevirtConfig default/east is Ready']);
      expect(world.credentials).to.have.length(2).and.include('virt-steward-of-another-supervisor');
    });
  }

  it('leaves what it has written when no manager looks at it, and says so', async () => {
    await using world = await AccessWorld.start();

    const { done, warnings } = await world.run();

    expect(done).to.equal(false);
    expect(warnings.at(-1)).to.equal(
      'KubevirtConfig default/east has no status after 60 s; does a manager run with the module machines, and is default among its namespaces?',
    );
    expect(world.kubeconfig).to.include(TOKEN);
    expect(world.supervisor.objects.get(KubevirtConfig, 'default/east')).to.not.equal(undefined);
  });
});
