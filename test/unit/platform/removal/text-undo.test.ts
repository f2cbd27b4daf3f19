import { expect } from 'chai';
import { textWithout } from '../../../../src/platform/removal/text-undo';

const SET = 'nodeExporter:\n  collectors:\n    ksmd:\n      enabled: true\n';

describe('a text without what was set in it', () => {
  const TABLE: readonly (readonly [string, string, string])[] = [
    ['is empty when there was nothing else', SET, ''],
    [
      'keeps members beside it',
      `# mine\nenableUserWorkload: true # on\n${SET}prometheus:\n  retention: 7d\n`,
      '# mine\nenableUserWorkload: true # on\nprometheus:\n  retention: 7d\n',
    ],
    [
      'keeps the maps around it that hold something else',
      'nodeExporter:\n    collectors:\n        # theirs\n        mountstats: {enabled: false}\n        ksmd:\n            enabled: true # ours\n',
      'nodeExporter:\n    collectors:\n        # theirs\n        mountstats: {enabled: false}\n',
    ],
    [
      'keeps members of the same map',
      'nodeExporter:\n  collectors:\n    ksmd:\n      enabled: true\n      other: 1\n',
      'nodeExporter:\n  collectors:\n    ksmd:\n      other: 1\n',
    ],
    [
      'is written anew in flow style',
      'nodeExporter: {collectors: {ksmd: {enabled: true}, x: 1}}\n',
      'nodeExporter: { collectors: { x: 1 } }\n',
    ],
    ['needs no line end after the last line', SET.trimEnd(), ''],
  ];
  for (const [title, text, expected] of TABLE) it(title, () => expect(textWithout(text, SET)).to.equal(expected));

  const KEPT: readonly (readonly [string, string])[] = [
    ['says something else by now', SET.replace('true', 'false')],
    ['does not say it any more', 'prometheus: {}\n'],
    ['is no YAML', 'a: [\n'],
    ['is no map', '- nodeExporter\n'],
  ];
  for (const [title, text] of KEPT) it(`is none when the text ${title}`, () => expect(textWithout(text, SET)).to.equal(undefined));

  it('is without each of several members', () => {
    expect(textWithout('a:\n  b: 1\n  c: [x]\nd: 2\ne: 3\n', 'a:\n  c: [x]\nd: 2\n')).to.equal('a:\n  b: 1\ne: 3\n');
  });

  it('is none when nothing was set', () => expect(textWithout('a: 1\n', '')).to.equal(undefined));
});
