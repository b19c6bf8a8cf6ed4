// Synthesizes a stack for each deployment: node app.js RELEASE DESTINATION. ../app.py is the same.

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';
import {
  App,
  Aws,
  CfnCondition,
  CfnMapping,
  CfnParameter,
  CfnStack,
  CustomResource,
  Fn,
  PermissionsBoundary,
  Stack,
} from 'aws-cdk-lib';
import { Architecture } from 'aws-cdk-lib/aws-lambda';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';
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
  const stack = new Stack(app, name, { permissionsBoundary });
  deploy(stack, withReferences(stack, deployments.valid[name]));
}
const together = new Stack(app, 'together');
for (const name of Object.keys(deployments.together)) {
  deploy(new Construct(together, name), deployments.together[name]);
}
app.synth();
for (const name of Object.keys(deployments.rejected)) {
  try {
    const stack = new Stack(new App(), name);
    deploy(stack, withReferences(stack, deployments.rejected[name]));
  } catch {
    continue;
  }
  throw new Error(`${name} was not rejected`);
}
const otherRelease = mkdtempSync(join(tmpdir(), 'release-'));
cpSync(join(releaseFolder, 'authorizer.zip'), join(otherRelease, 'authorizer.zip'));
writeFileSync(join(otherRelease, 'client-certificate-auth-arm64.zip'), 'another layer');
const otherApp = new App({ outdir: join(outdir, 'another-layer'), analyticsReporting: false, context });
const published = new Stack(otherApp, 'published');
deploy(published, withReferences(published, deployments.valid.published), otherRelease);
otherApp.synth();
rmSync(otherRelease, { recursive: true });

// The permissions boundary is an argument of the stack.
function boundary(given: any): PermissionsBoundary | undefined {
  const [arn] = Object.values<any>(given).flatMap((each) => each.permissionsBoundaryArn ?? []);
  return arn && PermissionsBoundary.fromArn(arn);
}

// References in place of texts.
function withReferences(stack: Stack, given: any): any {
  const references: Record<string, () => string> = {
    '<a parameter>': () => new CfnParameter(stack, 'Clients').valueAsString,
    '<a stored parameter>': () => new StringParameter(stack, 'Stored', { stringValue: 'beta' }).stringValue,
    '<a mapping>': () =>
      new CfnMapping(stack, 'Mapping', { mapping: { x: { clients: 'beta' } } }).findInMap(Aws.REGION, 'clients'),
    '<a custom resource>': () =>
      new CustomResource(stack, 'Custom', { resourceType: 'Custom::Clients', serviceToken: 'function' }).getAttString('X'),
    '<a nested stack>': () =>
      new CfnStack(stack, 'Nested', { templateUrl: 'https://x' }).getAtt('Outputs.X').toString(),
    '<a condition>': () => Fn.conditionIf(new CfnCondition(stack, 'If').logicalId, 'beta', 'gamma').toString(),
    '<a parameter of another stack>': () =>
      new CfnParameter(new Stack(stack.node.root, 'Another'), 'Elsewhere').valueAsString,
    '<a reference>': () => Aws.STACK_NAME,
    '<an output>': () => Fn.getStackOutput('another', 'Clients'),
    '<a transform>': () => Fn.transform('AWS::Include', { Location: 's3://clients/list.json' }).toString(),
  };
  let text = JSON.stringify(given);
  for (const [name, reference] of Object.entries(references)) {
    if (text.includes(name)) text = text.split(name).join(reference());
  }
  return JSON.parse(text);
}

function deploy(scope: Construct, given: any, release = releaseFolder): void {
  const authorizer =
    given.authorizer && new ClientCertificateAuthorizer(scope, 'Authorizers', options(given.authorizer, release));
  const revocation =
    given.revocation && new ClientCertificateRevocation(scope, 'Revocation', options(given.revocation, release));
  if (given.monitoring) {
    new ClientCertificateMonitoring(scope, 'Monitoring', { authorizer, revocation, ...options(given.monitoring, release) });
  }
}

function options(given: any, release: string): any {
  const architecture = given.architecture === 'x86_64' ? Architecture.X86_64 : undefined;
  const { permissionsBoundaryArn, ...own } = given;
  return { ...own, releaseFolder: release, architecture };
}
