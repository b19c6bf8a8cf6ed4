// Synthesizes a stack for each deployment: node app.js RELEASE DESTINATION. ../app.py is the same.

import { readFileSync } from 'fs';
import { App, PermissionsBoundary, Stack } from 'aws-cdk-lib';
import { Architecture } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import {
  ClientCertificateAuthorizer,
  ClientCertificateMonitoring,
  ClientCertificateRevocation,
} from './client-certificate-authorizer';

const [releaseFolder, outdir] = process.argv.slice(2);
// The flag that new apps have: what the CDK finds in a template is an error.
const context = { '@aws-cdk/core:validateAgainstDefaultRules': true };
const app = new App({ outdir, analyticsReporting: false, context });
const deployments = JSON.parse(readFileSync(`${releaseFolder}/deployments.json`, 'utf-8'));
for (const name of Object.keys(deployments.valid)) {
  const permissionsBoundary = boundary(deployments.valid[name]);
  deploy(new Stack(app, name, { permissionsBoundary }), deployments.valid[name]);
}
const together = new Stack(app, 'together');
for (const name of Object.keys(deployments.together)) {
  deploy(new Construct(together, name), deployments.together[name]);
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

// The permissions boundary is an argument of the stack.
function boundary(given: any): PermissionsBoundary | undefined {
  const [arn] = Object.values<any>(given).flatMap((each) => each.permissionsBoundaryArn ?? []);
  return arn && PermissionsBoundary.fromArn(arn);
}

function deploy(scope: Construct, given: any): void {
  const authorizer =
    given.authorizer && new ClientCertificateAuthorizer(scope, 'Authorizers', { ...options(given.authorizer) });
  const revocation =
    given.revocation && new ClientCertificateRevocation(scope, 'Revocation', { ...options(given.revocation) });
  if (given.monitoring) {
    new ClientCertificateMonitoring(scope, 'Monitoring', { authorizer, revocation, ...options(given.monitoring) });
  }
}

function options(given: any): any {
  const architecture = given.architecture === 'x86_64' ? Architecture.X86_64 : undefined;
  const { permissionsBoundaryArn, ...own } = given;
  return { ...own, releaseFolder, architecture };
}
