import { expect } from 'chai';
import fc from 'fast-check';
import { ResponseStatus, ServingStatus, Transport, type WOLEvent } from '../../../../src/wol/protocol/generated/wol-descriptor';
import { timestampFromMs, timestampToMs } from '../../../../src/wol/protocol/timestamp';
import { healthService, wolService } from '../../../../src/wol/protocol/wire';

const hex = (bytes: Buffer): string => bytes.toString('hex');
const text = (value: string): string => Buffer.from(value).toString('hex');

const event: WOLEvent = {
  macAddress: '02:00:00:00:00:01',
  timestamp: { seconds: 1_767_225_600, nanos: 250_000_000 },
  nodeName: 'n1',
  sourceIp: '10.0.0.1',
  sourcePort: 40_000,
  packetSize: 108,
  destPort: 9,
  secureOn: Uint8Array.of(1, 2, 3, 4, 5, 6),
  transport: Transport.TRANSPORT_UDP4,
  vlanId: 100,
  interface: 'br0',
  configName: 'home',
};
/** Written by hand from the field numbers, so that a renumbered field fails here. */
const EVENT_BYTES = [
  `0a11${text('02:00:00:00:00:01')}`,
  '120b0880f2d6ca061080e59a77',
  `1a02${text('n1')}`,
  `2208${text('10.0.0.1')}`,
  '28c0b802',
  '306c',
  '3809',
  '4206010203040506',
  '4801',
  '5064',
  `5a03${text('br0')}`,
  `6204${text('home')}`,
].join('');

describe('wire format', () => {
  it('of WOLEvent is frozen', () => {
    expect(hex(wolService.ReportWOLEvent.requestSerialize(event))).to.equal(EVENT_BYTES);
    expect(wolService.ReportWOLEvent.requestDeserialize(Buffer.from(EVENT_BYTES, 'hex'))).to.deep.equal({
      ...event,
      secureOn: Buffer.from(event.secureOn),
    });
  });

  it('of WOLEventResponse is frozen', () => {
    const response = {
      status: ResponseStatus.DUPLICATE,
      message: 'ok',
      vmInfo: { name: 'vm', namespace: 'ns', currentState: 'Running' },
      wasDuplicate: true,
      processingTimeMs: 300,
    };
    const bytes = `08021202${text('ok')}1a110a02${text('vm')}1202${text('ns')}1a07${text('Running')}200128ac02`;

    expect(hex(wolService.ReportWOLEvent.responseSerialize(response))).to.equal(bytes);
    expect(wolService.ReportWOLEvent.responseDeserialize(Buffer.from(bytes, 'hex'))).to.deep.equal(response);
  });

  it('of HealthCheckRequest and HealthCheckResponse is frozen', () => {
    expect(hex(wolService.HealthCheck.requestSerialize({ service: 'a' }))).to.equal('0a0161');
    expect(hex(wolService.HealthCheck.responseSerialize({ status: ServingStatus.NOT_SERVING }))).to.equal('0802');
    expect(hex(healthService.Check.requestSerialize({ service: 'a' }))).to.equal('0a0161');
    expect(hex(healthService.Watch.responseSerialize({ status: 3 }))).to.equal('0803');
  });

  it('of AgentStatus, PortStatus and AgentStatusAck is frozen', () => {
    const status = {
      nodeName: 'n',
      configName: 'c',
      version: 'v',
      ports: [{ port: 9, ipv4: true, ipv6: true, error: 'e' }],
      rawInterfaces: ['a', 'b'],
      rawError: 'r',
      queueLength: 7,
      eventsDropped: 8,
      kernelDrops: 2 ** 40,
      startedAt: { seconds: 1, nanos: 0 },
      healthError: 'h',
    };
    const bytes =
      '0a016e' +
      '120163' +
      '1a0176' +
      '22090809100118012201652a01612a0162' +
      '320172' +
      '3807' +
      '4008' +
      '4880808080' +
      '8020' +
      '52020801' +
      '5a0168';

    expect(hex(wolService.ReportAgentStatus.requestSerialize(status))).to.equal(bytes);
    expect(wolService.ReportAgentStatus.requestDeserialize(Buffer.from(bytes, 'hex'))).to.deep.equal(status);
    expect(hex(wolService.ReportAgentStatus.responseSerialize({}))).to.equal('');
  });

  it('leaves defaults off the wire and gives them back when reading', () => {
    expect(hex(wolService.ReportWOLEvent.requestSerialize({ macAddress: '', destPort: 0, secureOn: new Uint8Array() }))).to.equal('');
    expect(wolService.ReportWOLEvent.requestDeserialize(Buffer.alloc(0))).to.deep.equal({
      macAddress: '',
      nodeName: '',
      sourceIp: '',
      sourcePort: 0,
      packetSize: 0,
      destPort: 0,
      secureOn: Buffer.alloc(0),
      transport: 0,
      vlanId: 0,
      interface: '',
      configName: '',
    });
  });

  it('reads the seven fields of an older agent', () => {
    const older = EVENT_BYTES.slice(0, EVENT_BYTES.indexOf('3809'));
    expect(wolService.ReportWOLEvent.requestDeserialize(Buffer.from(older, 'hex'))).to.deep.include({
      macAddress: event.macAddress,
      packetSize: 108,
      destPort: 0,
      transport: 0,
    });
  });

  it('skips fields it does not know', () => {
    const newer = `${EVENT_BYTES}a20603616263a8060f`;
    expect(wolService.ReportWOLEvent.requestDeserialize(Buffer.from(newer, 'hex')).configName).to.equal('home');
  });

  it('passes an enum value of a newer release through as its number', () => {
    expect(wolService.ReportWOLEvent.responseDeserialize(Buffer.from('0863', 'hex')).status).to.equal(99);
  });

  it('names the methods as older agents call them', () => {
    expect(Object.values(wolService).map(({ path, requestStream, responseStream }) => [path, requestStream, responseStream])).to.deep.equal(
      [
        ['/wol.v1.WOLService/ReportWOLEvent', false, false],
        ['/wol.v1.WOLService/ReportWOLEventStream', true, true],
        ['/wol.v1.WOLService/HealthCheck', false, false],
        ['/wol.v1.WOLService/ReportAgentStatus', false, false],
      ],
    );
  });
});

describe('timestamp', () => {
  it('keeps milliseconds both ways', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e12, max: 4e12 }), (ms) => {
        const timestamp = timestampFromMs(ms);
        expect(timestamp.nanos).to.be.within(0, 999_999_999);
        expect(timestampToMs(timestamp)).to.equal(ms);
      }),
    );
  });

  it('carries a fraction that rounds up into the next second', () => {
    expect(timestampFromMs(1_999.9999999)).to.deep.equal({ seconds: 2, nanos: 0 });
  });

  it('that was not sent is absent', () => {
    expect(timestampToMs(undefined)).to.equal(undefined);
  });
});
