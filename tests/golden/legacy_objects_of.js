// Answers each line on standard input, a certificate's DER in base64, with Node's object in JSON: null if Node rejects it.

'use strict';

const { X509Certificate } = require('node:crypto');
const { createInterface } = require('node:readline');

// JSON.stringify has called a Buffer's own toJSON by the time it asks here.
function markBuffer(key, value) {
  return value?.type === 'Buffer' ? { type: 'Buffer', hex: Buffer.from(value.data).toString('hex') } : value;
}

function legacyObject(der) {
  try {
    return new X509Certificate(der).toLegacyObject();
  } catch {
    return null;
  }
}

createInterface({ input: process.stdin }).on('line', (line) => {
  process.stdout.write(`${JSON.stringify(legacyObject(Buffer.from(line, 'base64')), markBuffer)}\n`);
});
