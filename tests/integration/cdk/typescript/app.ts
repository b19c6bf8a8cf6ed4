// Synthesizes a stack for each deployment: node app.js RELEASE DESTINATION. ../app.py is the same.

import { readFileSync } from 'fs';
import { App, Stack } from 'aws-cdk-lib';
import { Architecture } from 'aws-cdk-lib/aws-lambda';
import {
  ClientCertificateAuthorizer,
  ClientCertificateMonitoring,
  ClientCertificateRevocation,
} from './client-certificate-authorizer';

const [releaseFolder, outdir] = process.argv.slice(2);
const app = new App({ outdir, analyticsReporting: false });
const deployments = JSON.parse(readFileSync(`${releaseFolder}/deployments.json`, 'utf-8'));
for (const name of Object.keys(deployments.valid)) {
  deploy(new Stack(app, name), deployments.valid[name]);
}
app.synth();
for (const name of Object.keys(deployments.rejected)) {
  try {
    deploy(new Stack(new App(), name), deployments.rejected[name]);
  } catch {
    continue;
  }
  throw new Error(`${name} was not rejected`);
}

function deploy(stack: Stack, given: any): void {
  const authorizer =
    given.authorizer && new ClientCertificateAuthorizer(stack, 'Authorizers', { ...options(given.authorizer) });
  const revocation =
    given.revocation && new ClientCertificateRevocation(stack, 'Revocation', { ...options(given.revocation) });
  if (given.monitoring) {
    new ClientCertificateMonitoring(stack, 'Monitoring', { authorizer, revocation, ...options(given.monitoring) });
  }
}

function options(given: any): any {
  const architecture = given.architecture === 'x86_64' ? Architecture.X86_64 : undefined;
  return { ...given, releaseFolder, architecture };
}
