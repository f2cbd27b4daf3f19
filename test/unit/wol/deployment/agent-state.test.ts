import { expect } from 'chai';
import type { DaemonSet } from '../../../../src/framework';
import { type AgentState, agentCondition, agentStatus, areAllReady, readyProblem } from '../../../../src/wol/deployment/agent-state';
import { aDaemonSet } from './builders';

const NAME = 'wol-agent-lab';
const counted = (status: DaemonSet['status'], generation = 2): DaemonSet => {
  const daemonSet = aDaemonSet();
  return { ...daemonSet, metadata: { ...daemonSet.metadata, generation }, status: { observedGeneration: 2, ...status } };
};
const said = (state: AgentState, live?: DaemonSet, missingAccount?: string): string => {
  const { type, status, reason, message } = agentCondition(state, NAME, live, missingAccount);
  return `${type}=${status} ${reason}: ${message}`;
};

describe('the condition AgentReady', () => {
  const deployed: AgentState = { kind: 'deployed' };

  it('counts ready agents', () => {
    expect(said(deployed, counted({ desiredNumberScheduled: 3, numberReady: 2 }))).to.equal(
      'AgentReady=False NotReady: 2 of 3 agents are ready',
    );
    expect(said(deployed, counted({ desiredNumberScheduled: 3, numberReady: 3 }))).to.equal(
      'AgentReady=True AllReady: 3 of 3 agents are ready',
    );
  });

  it('names a ServiceAccount that is missing while agents are not ready, and only then', () => {
    expect(said(deployed, counted({ desiredNumberScheduled: 2, numberReady: 0 }), 'wol')).to.equal(
      'AgentReady=False ServiceAccountMissing: 0 of 2 agents are ready: ServiceAccount wol, which their pods run as, does not exist',
    );
    expect(said(deployed, counted({ desiredNumberScheduled: 2, numberReady: 2 }), 'wol')).to.contain('True AllReady');
  });

  it('is False without nodes and without a DaemonSet', () => {
    expect(said(deployed, counted({ desiredNumberScheduled: 0 }))).to.equal('AgentReady=False NoNodes: no node matches the agents');
    expect(said({ kind: 'untouched' })).to.equal(`AgentReady=False DaemonSetMissing: there is no DaemonSet ${NAME}`);
  });

  it('is Unknown while the numbers describe an earlier DaemonSet', () => {
    expect(said(deployed, counted({ desiredNumberScheduled: 3, numberReady: 3 }, 3))).to.match(/^AgentReady=Unknown Pending: /);
    expect(said(deployed, aDaemonSet())).to.match(/^AgentReady=Unknown Pending: /);
  });

  it('tells why nothing is written, whatever the DaemonSet of that name counts', () => {
    const live = counted({ desiredNumberScheduled: 1, numberReady: 1 });

    expect(said({ kind: 'conflict', why: 'it is controlled by App x' }, live)).to.equal(
      `AgentReady=False AgentConflict: DaemonSet ${NAME} is not of this config: it is controlled by App x; delete or rename it`,
    );
    expect(said({ kind: 'image-not-allowed', image: 'evil/agent:1' }, live)).to.contain(
      'ImageNotAllowed: the repository of image evil/agent:1',
    );
    expect(said({ kind: 'waiting-for-garbage-collection' }, live)).to.contain('False WaitingForGarbageCollection: ');
  });

  it('still counts the agents of a config that is not in force, or could not be written', () => {
    const live = counted({ desiredNumberScheduled: 1, numberReady: 1 });

    expect(said({ kind: 'untouched' }, live)).to.contain('True AllReady');
    expect(said({ kind: 'failed', message: 'no' }, live)).to.contain('True AllReady');
  });
});

describe('what agents make of the condition Ready', () => {
  const reasonOf = (state: AgentState): string | undefined => readyProblem(state, NAME)?.reason;

  it('is nothing as long as they are merely not ready', () => {
    for (const kind of ['deployed', 'untouched', 'waiting-for-garbage-collection'] as const) expect(reasonOf({ kind })).to.equal(undefined);
  });

  it('is the reason for which there is no DaemonSet as asked for', () => {
    expect(reasonOf({ kind: 'conflict', why: 'x' })).to.equal('AgentConflict');
    expect(reasonOf({ kind: 'image-not-allowed', image: 'x' })).to.equal('ImageNotAllowed');
    expect(reasonOf({ kind: 'no-health-port' })).to.equal('AgentFailed');
    expect(readyProblem({ kind: 'failed', message: 'admission said no' }, NAME)).to.deep.equal({
      ...{ type: 'Ready', status: 'False', reason: 'AgentFailed', message: 'admission said no' },
    });
  });
});

describe('the field agentStatus', () => {
  it('is all numbers, zero included', () => {
    expect(agentStatus(counted({ desiredNumberScheduled: 2, numberReady: 1 }), 8_080)).to.deep.equal({
      ...{
        daemonSetName: NAME,
        desiredNumberScheduled: 2,
        numberReady: 1,
        numberAvailable: 0,
        updatedNumberScheduled: 0,
        healthPort: 8_080,
      },
    });
  });
});

describe('all agents', () => {
  it('are ready only by numbers that describe the DaemonSet as it is, and only if there are some', () => {
    expect(areAllReady(counted({ desiredNumberScheduled: 1, numberReady: 1 }))).to.equal(true);
    expect(areAllReady(counted({ desiredNumberScheduled: 2, numberReady: 1 }))).to.equal(false);
    expect(areAllReady(counted({ desiredNumberScheduled: 1, numberReady: 1 }, 3))).to.equal(false);
    expect(areAllReady(counted({ desiredNumberScheduled: 0 }))).to.equal(false);
  });
});
