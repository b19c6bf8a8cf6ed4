// The authorizer and its monitoring as constructs of the AWS CDK, from the files of a release. Copy this file to your app.
// client_certificate_authorizer.py is the same in Python.

import { Aws, Duration, FileSystem, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { ManagedPolicy, PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { CfnInclude } from 'aws-cdk-lib/cloudformation-include';
import { Construct } from 'constructs';

export interface ClientCertificateAuthorizerProps {
  /** Folder with the layer's zip files and authorizer.zip. */
  readonly releaseFolder: string;
  /** The variables of docs/configuration.md. */
  readonly environment: Record<string, string>;
  /** Processor architecture of the authorizer and the layer. Default: arm64. */
  readonly architecture?: lambda.Architecture;
  /** Managed policy to add to the role, such as one with kms:Decrypt. */
  readonly policyArn?: string;
  /** Bucket of the revocation stack. The authorizer may read the CRL indexes in it. */
  readonly crlBucketName?: string;
  /** Whether new execution environments are restored from a snapshot. Excludes provisionedConcurrency. */
  readonly snapStart?: boolean;
  /** How many execution environments to keep initialized. */
  readonly provisionedConcurrency?: number;
  /** Whether the authorizer sends traces to AWS X-Ray. */
  readonly tracing?: boolean;
  /** How long to keep the log. Default: three months. */
  readonly logRetention?: RetentionDays;
}

/** The layer, the authorizer, its log group, and a role that may read what the environment names, and nothing else. */
export class ClientCertificateAuthorizer extends Construct {
  /** The layer, for functions of the same architecture. */
  readonly layer: lambda.LayerVersion;
  /** The authorizer, for RequestAuthorizer and HttpLambdaAuthorizer: the alias if versions are published. */
  readonly authorizer: lambda.IFunction;
  readonly function: lambda.Function;
  readonly logGroup: LogGroup;
  readonly environment: Record<string, string>;

  constructor(scope: Construct, id: string, props: ClientCertificateAuthorizerProps) {
    super(scope, id);
    if (props.snapStart && props.provisionedConcurrency) {
      throw new Error('set snapStart or provisionedConcurrency, not both');
    }
    const architecture = props.architecture ?? lambda.Architecture.ARM_64;
    const layerName = `client-certificate-auth-${architecture.name}`;
    const layerZip = `${props.releaseFolder}/${layerName}.zip`;
    this.environment = { S3_BUCKET_OWNER: Stack.of(this).account, ...props.environment };
    this.layer = new lambda.LayerVersion(this, 'Layer', {
      layerVersionName: layerName,
      description: 'The client certificate of a Lambda event in one call, and cryptography.',
      code: lambda.Code.fromAsset(layerZip),
      compatibleArchitectures: [architecture],
      compatibleRuntimes: [
        lambda.Runtime.PYTHON_3_11,
        lambda.Runtime.PYTHON_3_12,
        lambda.Runtime.PYTHON_3_13,
        new lambda.Runtime('python3.14'),
      ],
      removalPolicy: RemovalPolicy.RETAIN, // functions of other stacks may use it
    });
    this.logGroup = new LogGroup(this, 'Logs', {
      retention: props.logRetention ?? RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const statements = [allow(['logs:CreateLogStream', 'logs:PutLogEvents'], [this.logGroup.logGroupArn])];
    if (props.tracing) {
      // X-Ray has no resources to name.
      statements.push(allow(['xray:PutTraceSegments', 'xray:PutTelemetryRecords'], ['*']));
    }
    statements.push(...readDocuments(this.environment, props.crlBucketName));
    const role = new Role(this, 'Role', {
      description: 'Allows the authorizer to write its own log and to read the documents that its variables name.',
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      inlinePolicies: { Work: new PolicyDocument({ statements }) },
      managedPolicies: props.policyArn ? [ManagedPolicy.fromManagedPolicyArn(this, 'Policy', props.policyArn)] : undefined,
    });
    this.function = new lambda.Function(this, 'Function', {
      description: 'Allows the listed client certificates.',
      code: lambda.Code.fromAsset(`${props.releaseFolder}/authorizer.zip`),
      handler: 'mtls_authorizer.handler.handler',
      runtime: lambda.Runtime.PYTHON_3_13,
      architecture,
      layers: [this.layer],
      memorySize: 512, // the work is short and CPU-bound, and Lambda allocates CPU in proportion to memory
      timeout: Duration.seconds(5),
      role: role.withoutPolicyUpdates(),
      tracing: props.tracing ? lambda.Tracing.ACTIVE : lambda.Tracing.PASS_THROUGH,
      snapStart: props.snapStart ? lambda.SnapStartConf.ON_PUBLISHED_VERSIONS : undefined,
      logGroup: this.logGroup,
      loggingFormat: lambda.LoggingFormat.JSON,
      applicationLogLevelV2: lambda.ApplicationLogLevel.INFO,
      environment: this.environment,
    });
    this.authorizer = this.function;
    if (props.snapStart || props.provisionedConcurrency) {
      // The CDK publishes another version if the function changes, and does not see the contents of the layer.
      this.function.invalidateVersionBasedOn(FileSystem.fingerprint(layerZip));
      this.authorizer = new lambda.Alias(this, 'Live', {
        aliasName: 'live',
        version: this.function.currentVersion,
        provisionedConcurrentExecutions: props.provisionedConcurrency || undefined,
      });
    }
  }
}

export interface ClientCertificateMonitoringProps {
  readonly releaseFolder: string;
  /** An authorizer with METRICS_NAMESPACE. */
  readonly authorizer: ClientCertificateAuthorizer;
  /** Further parameters of monitoring.yaml, such as AlarmTopicArn. */
  readonly parameters?: Record<string, unknown>;
}

/** The dashboard and the alarms of an authorizer: monitoring.yaml of the release. */
export class ClientCertificateMonitoring extends Construct {
  constructor(scope: Construct, id: string, props: ClientCertificateMonitoringProps) {
    super(scope, id);
    const variables = props.authorizer.environment;
    const parameters: Record<string, unknown> = {
      AuthorizerFunctionName: props.authorizer.function.functionName,
      AuthorizerLogGroup: props.authorizer.logGroup.logGroupName,
      MetricsNamespace: variables.METRICS_NAMESPACE,
    };
    if (variables.UNAUTHENTICATED_RESPONSE) parameters.UnauthenticatedResponse = variables.UNAUTHENTICATED_RESPONSE;
    if (variables.EXPIRY_WARNING_DAYS) parameters.ExpiryWarningDays = variables.EXPIRY_WARNING_DAYS;
    new CfnInclude(this, 'Template', {
      templateFile: `${props.releaseFolder}/monitoring.yaml`,
      preserveLogicalIds: false,
      parameters: { ...parameters, ...props.parameters },
    });
  }
}

function readDocuments(environment: Record<string, string>, crlBucketName?: string): PolicyStatement[] {
  const rules = [environment.AUTHORIZER_RULES_URI, environment.AUTHORIZER_SHADOW_RULES_URI].filter((uri) => uri);
  const crls = environment.CRL_URIS ? environment.CRL_URIS.split(',') : [];
  const truststore = environment.TRUSTSTORE_URI ? [environment.TRUSTSTORE_URI] : [];
  const objects = [...rules, ...truststore, ...crls]
    .filter((uri) => uri.startsWith('s3://'))
    .map((uri) => `arn:${Aws.PARTITION}:s3:::${uri.slice('s3://'.length)}${uri.endsWith('/') ? '*.crl' : ''}`);
  if (crlBucketName) {
    // Indexes are not signed by a CA, so the authorizer reads them only in a bucket where nothing but the indexer can
    // write them.
    objects.push(`arn:${Aws.PARTITION}:s3:::${crlBucketName}/*.crl.index`);
  }
  const parameters = rules
    .filter((uri) => uri.startsWith('ssm://'))
    .flatMap((uri) => uri.slice('ssm://'.length).split(','))
    .map((name) => `arn:${Aws.PARTITION}:ssm:${Aws.REGION}:${Aws.ACCOUNT_ID}:parameter${name}`);
  const statements: PolicyStatement[] = [];
  if (objects.length) statements.push(allow(['s3:GetObject'], objects));
  if (crls.length && crls[0].startsWith('s3://') && crls[0].endsWith('/')) {
    // As in the template: the bucket of the first URI, if that is a prefix, and its first folder.
    const [, , bucket, folder] = crls[0].split('/');
    const listing = allow(['s3:ListBucket'], [`arn:${Aws.PARTITION}:s3:::${bucket}`]);
    listing.addCondition('StringLike', { 's3:prefix': `${folder}/*` });
    statements.push(listing);
  }
  if (parameters.length) statements.push(allow(['ssm:GetParameters'], parameters));
  if (rules.some((uri) => uri.startsWith('appconfig://'))) {
    // ARNs contain AppConfig's IDs, and the URI contains names.
    const configurations = 'application/*/environment/*/configuration/*';
    statements.push(
      allow(
        ['appconfig:StartConfigurationSession', 'appconfig:GetLatestConfiguration'],
        [`arn:${Aws.PARTITION}:appconfig:${Aws.REGION}:${Aws.ACCOUNT_ID}:${configurations}`],
      ),
    );
  }
  return statements;
}

function allow(actions: string[], resources: string[]): PolicyStatement {
  return new PolicyStatement({ actions, resources });
}
