// Writes the object that Node creates from each certificate of a folder: certificates/NAME.json next to certificates/NAME.pem,
// and the versions of Node and OpenSSL to node.json. Usage: node legacy_objects.js FOLDER

'use strict';

const { X509Certificate } = require('node:crypto');
const { readFileSync, readdirSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');

const { node, openssl } = process.versions;
if (!node.startsWith('20.')) {
  console.error(`Node 20 is needed, this is ${node}: what the tests expect is what Node 20 says.`);
  process.exit(1);
}

const [folder] = process.argv.slice(2);
const certificates = join(folder, 'certificates');

const write = (path, value) => writeFileSync(path, `${JSON.stringify(value, markBuffer, 2)}\n`);

// JSON.stringify has called a Buffer's own toJSON by the time it asks here.
function markBuffer(key, value) {
  return value?.type === 'Buffer' ? { type: 'Buffer', hex: Buffer.from(value.data).toString('hex') } : value;
}

function legacyObject(pem) {
  try {
    return new X509Certificate(pem).toLegacyObject();
  } catch {
    return null;
  }
}

const files = readdirSync(certificates).filter((name) => name.endsWith('.pem'));
for (const file of files) {
  const path = join(certificates, file);
  write(path.replace(/pem$/, 'json'), legacyObject(readFileSync(path, 'utf8')));
}
write(join(folder, 'node.json'), { node, openssl });
console.log(`${files.length} certificates, as Node ${node} with OpenSSL ${openssl} reads them.`);
