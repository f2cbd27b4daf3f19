/**
 * The part of `punycode` that an HTTP library in the bundle asks for, without the deprecated module of Node.js.
 *
 * Owns: nothing. Loading `node:punycode` prints a warning at each start of the command line. Invariant: same results for host names.
 */
const { domainToASCII, domainToUnicode } = require('node:url');

exports.toASCII = domainToASCII;
exports.toUnicode = domainToUnicode;
exports.ucs2 = {
  decode: (text) => [...text].map((character) => character.codePointAt(0)),
  encode: (codePoints) => String.fromCodePoint(...codePoints),
};
