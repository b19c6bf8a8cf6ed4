// Authorizers on Node in a process that goes on, as Lambda keeps one: they measure decisions when they are told to.
// Each line on standard input is a turn in JSON, see benchmarks/measuring/turns.py; each gets a line of JSON in answer.
'use strict';

const { X509Certificate } = require('node:crypto');
const { readFileSync } = require('node:fs');
const { createInterface } = require('node:readline');

const clientCert = (event) => event.requestContext.identity.clientCert.clientCertPem;

// What typical authorizers do: the common name out of the subject, and nothing else of the certificate.
function commonNameOfTheSubject(event) {
  const { subject } = new X509Certificate(clientCert(event));
  return subject.split('\n').find((line) => line.startsWith('CN='))?.slice(3);
}

// What those do that take the object which Node's TLS sockets give.
const commonNameOfTheObject = (event) => new X509Certificate(clientCert(event)).toLegacyObject().subject.CN;

const COMMON_NAME = { 'subject only': commonNameOfTheSubject, 'whole object': commonNameOfTheObject };
const workloads = new Map();

// Rules are a list of names to these, which have no rules.
const listedIn = ({ ALLOWED_COMMON_NAMES: names, AUTHORIZER_RULES: rules }) =>
  names?.split(',') ?? JSON.parse(rules).rules.map(({ match }) => match.common_name);

// Events are parsed shortly before they are answered, as Lambda does. The clock is read once for so many.
const AT_ONCE = 16;

function load(path) {
  if (!workloads.has(path)) {
    const [environment, ...events] = readFileSync(path, 'utf8').trimEnd().split('\n');
    workloads.set(path, { allowed: new Set(listedIn(JSON.parse(environment))), events });
  }
  return workloads.get(path);
}

function authorize(event, commonNameOf, allowed) {
  const commonName = commonNameOf(event);
  return {
    principalId: commonName,
    policyDocument: {
      Version: '2012-10-17',
      Statement: [
        {
          Action: 'execute-api:Invoke',
          Effect: allowed.has(commonName) ? 'Allow' : 'Deny',
          Resource: event.methodArn,
        },
      ],
    },
  };
}

function take({ workload, kind, decisions }) {
  const { allowed, events } = load(workload);
  const commonNameOf = COMMON_NAME[kind];
  let cpu = 0;
  let allowedCount = 0;
  for (let start = 0; start < decisions; start += AT_ONCE) {
    const parsed = Array.from({ length: AT_ONCE }, (_, i) => JSON.parse(events[(start + i) % events.length]));
    const begin = process.cpuUsage();
    const answers = parsed.map((event) => authorize(event, commonNameOf, allowed));
    const { user, system } = process.cpuUsage(begin);
    cpu += user + system;
    allowedCount += answers.filter(({ policyDocument }) => policyDocument.Statement[0].Effect === 'Allow').length;
  }
  return { cpu: cpu / decisions, allowed: allowedCount };
}

createInterface({ input: process.stdin }).on('line', (line) => {
  process.stdout.write(`${JSON.stringify(take(JSON.parse(line)))}\n`);
});
