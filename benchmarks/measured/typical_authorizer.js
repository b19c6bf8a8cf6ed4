// What a typical authorizer on Node does at a cold start, once: the built-in X509Certificate, the common name out of the
// subject, a list of allowed names, a policy. `node typical_authorizer.js EVENT.json` prints the answer as JSON on one line,
// then what the kernel says of the process.
'use strict';

const { X509Certificate } = require('node:crypto');
const { readFileSync } = require('node:fs');

const ALLOWED = new Set((process.env.ALLOWED_COMMON_NAMES ?? '').split(','));

function handler(event) {
  const certificate = new X509Certificate(event.requestContext.identity.clientCert.clientCertPem);
  const commonName = certificate.subject.split('\n').find((line) => line.startsWith('CN='))?.slice(3);
  return {
    principalId: commonName,
    policyDocument: {
      Version: '2012-10-17',
      Statement: [
        {
          Action: 'execute-api:Invoke',
          Effect: ALLOWED.has(commonName) ? 'Allow' : 'Deny',
          Resource: event.methodArn,
        },
      ],
    },
  };
}

const answer = handler(JSON.parse(readFileSync(process.argv[2], 'utf8')));
process.stdout.write(`${JSON.stringify(answer)}\n${readFileSync('/proc/self/status', 'utf8')}`);
