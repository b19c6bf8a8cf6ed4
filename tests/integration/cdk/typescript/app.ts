// Synthesizes a stack for each deployment: node app.js RELEASE DESTINATION. ../app.py is the same.

import { readFileSync } from 'fs';
import { App, Stack } from 'aws-cdk-lib';
import { Architecture } from 'aws-cdk-lib/aws-lambda';
import { ClientCertificateAuthorizer, ClientCertificateMonitoring } from './client-certificate-authorizer';

const [releaseFolder, outdir] = process.argv.slice(2);
const app = new App({ outdir, analyticsReporting: false });
const deployments = JSON.parse(readFileSync(`${releaseFolder}/deployments.json`, 'utf-8'));
for (const name of Object.keys(deployments)) {
  const given = deployments[name];
  const stack = new Stack(app, name);
  const authorizer = new ClientCertificateAuthorizer(stack, 'Authorizer', {
    releaseFolder,
    environment: given.environment,
    architecture: given.architecture === 'arm64' ? Architecture.ARM_64 : Architecture.X86_64,
    policyArn: given.policyArn ?? undefined,
    crlBucketName: given.crlBucketName ?? undefined,
    snapStart: given.snapStart,
    provisionedConcurrency: given.provisionedConcurrency,
    tracing: given.tracing,
    logRetention: given.logRetention,
  });
  if (given.monitoring) {
    new ClientCertificateMonitoring(stack, 'Monitoring', { releaseFolder, authorizer, parameters: given.monitoring });
  }
}
app.synth();
