// Constructs of the AWS CDK for the authorizer, revocation and monitoring, from the files of a release. Copy this file to
// your app. The Python package client_certificate_authorizer is the same.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';
import { Aws, CfnElement, CfnParameter, CfnResource, Duration, FileSystem, Fn, RemovalPolicy, Stack, Token } from 'aws-cdk-lib';
import { CfnAlarm, CfnAlarmProps, CfnDashboard } from 'aws-cdk-lib/aws-cloudwatch';
import { CfnRule } from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { BlockPublicAccess, Bucket, BucketEncryption, CfnBucket, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { CfnInclude } from 'aws-cdk-lib/cloudformation-include';
import { Construct, IConstruct } from 'constructs';

/** The common properties of all functions. */
export interface ReleaseProps {
  /** Folder with the layer's zip files and authorizer.zip. */
  readonly releaseFolder: string;
  /** Processor architecture of the functions and the layer. Default: arm64. */
  readonly architecture?: lambda.Architecture;
  /** How long to keep the logs. Default: three months. */
  readonly logRetention?: RetentionDays;
}

export interface ClientCertificateAuthorizerProps extends ReleaseProps {
  /** The variables of docs/configuration.md. */
  readonly environment: Record<string, string>;
  /** Managed policy to add to the role, such as one with kms:Decrypt. */
  readonly policyArn?: string;
  /** Bucket of ClientCertificateRevocation. The authorizer may read the CRL indexes in it. */
  readonly crlBucketName?: string;
  /** Whether new execution environments are restored from a snapshot. Excludes provisionedConcurrency. */
  readonly snapStart?: boolean;
  /** How many execution environments to keep initialized. */
  readonly provisionedConcurrency?: number;
  /** Whether the authorizer sends traces to AWS X-Ray. */
  readonly tracing?: boolean;
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
    checkEnvironment(props.environment);
    if (props.crlBucketName) {
      checkBucket(props.crlBucketName);
      if (!props.environment.CRL_URIS) {
        throw new Error('without CRL_URIS, no certificate is checked for revocation: set it, or remove crlBucketName');
      }
    }
    this.environment = { S3_BUCKET_OWNER: Stack.of(this).account, ...props.environment };
    this.layer = createLayer(this, props, {
      name: 'client-certificate-auth',
      description: 'The client certificate of a Lambda event in one call, and cryptography.',
      removalPolicy: RemovalPolicy.RETAIN, // functions of other stacks may use it
    });
    const statements = documentPermissions(this.environment, props.crlBucketName);
    if (props.tracing) {
      // X-Ray has no resources to name.
      statements.push(allow(['xray:PutTraceSegments', 'xray:PutTelemetryRecords'], ['*']));
    }
    const created = createFunction(this, 'Authorizer', props, {
      description: 'Allows the listed client certificates.',
      handler: 'mtls_authorizer.handler.handler',
      layers: [this.layer],
      memorySize: 512, // the work is short and CPU-bound, and Lambda allocates CPU in proportion to memory
      timeout: Duration.seconds(5),
      tracing: props.tracing ? lambda.Tracing.ACTIVE : lambda.Tracing.PASS_THROUGH,
      snapStart: props.snapStart ? lambda.SnapStartConf.ON_PUBLISHED_VERSIONS : undefined,
      environment: this.environment,
      roleDescription: 'Allows the authorizer to write its own log and to read the documents that its variables name.',
      statements,
      managedPolicies: props.policyArn ? [iam.ManagedPolicy.fromManagedPolicyArn(this, 'Policy', props.policyArn)] : [],
    });
    this.function = created.function;
    this.logGroup = created.logs;
    this.authorizer = this.function;
    if (props.snapStart || props.provisionedConcurrency) {
      checkPublished(this, this.environment);
      // The CDK publishes another version if the function changes, and does not see the contents of the layer.
      this.function.invalidateVersionBasedOn(FileSystem.fingerprint(layerZip(props)));
      this.authorizer = new lambda.Alias(this, 'Live', {
        aliasName: 'live',
        version: this.function.currentVersion,
        provisionedConcurrentExecutions: props.provisionedConcurrency || undefined,
      });
    }
  }
}

const REFERENCE = /(?:"Ref":"|"Fn::GetAtt":\["|\$\{)(\w+)["}.]/g;
// "Value" is an attribute of parameters in Parameter Store. Their names can contain references; only a number at the end
// names a version.
const ELSEWHERE =
  /"Fn::(FindInMap|GetStackOutput|If|Transform)"|"Fn::GetAtt":\["\w+","Value"\]|\{\{resolve:(ssm:(?!((?!\}\}).)*:\d+\}\})|secretsmanager:)/;

/**
 * If only a value elsewhere changes, such as that of a parameter, no version is published. The alias would keep the earlier
 * value, and a client that was removed from a list would stay allowed.
 */
function checkPublished(scope: Construct, environment: Record<string, string>): void {
  const stack = Stack.of(scope);
  // Also those of other stacks: the CDK may refer to them by an output, which can change.
  const sources = scope.node.root.node.findAll().filter(isChangedElsewhere);
  const ids = new Set(sources.map((each) => stack.resolve(each.logicalId)));
  for (const [name, value] of Object.entries(environment)) {
    const resolved = JSON.stringify(stack.resolve(value));
    if (ELSEWHERE.test(resolved) || [...resolved.matchAll(REFERENCE)].some(([, id]) => ids.has(id))) {
      throw new Error(
        `${name} refers to a parameter, secret, mapping, condition, transform, custom resource, nested stack or output ` +
          'of a stack, and no version is published if only its value changes: write the value, or remove snapStart and ' +
          'provisionedConcurrency',
      );
    }
  }
}

/** References to these can get another value without a change of what refers to them. */
function isChangedElsewhere(node: IConstruct): node is CfnElement {
  return (
    node instanceof CfnParameter ||
    (node instanceof CfnResource && /^(Custom|AWS::CloudFormation)::/.test(node.cfnResourceType))
  );
}

function documentPermissions(environment: Record<string, string>, crlBucketName?: string): iam.PolicyStatement[] {
  const rules = [environment.AUTHORIZER_RULES_URI, environment.AUTHORIZER_SHADOW_RULES_URI]
    .filter((uri) => uri !== undefined)
    .map((uri) => checkUri(uri, RULES));
  const truststore = [environment.TRUSTSTORE_URI].filter((uri) => uri !== undefined).map((uri) => checkUri(uri, OBJECT));
  const crls = (environment.CRL_URIS?.split(',') ?? []).map((uri) => checkUri(uri, CRLS));
  const prefixes = crls.filter((uri) => uri.startsWith('s3://') && uri.endsWith('/'));
  const objects = [...rules, ...truststore, ...crls]
    .filter((uri) => uri.startsWith('s3://'))
    .map((uri) => `${arnOfObject(uri)}${prefixes.includes(uri) ? '*.crl' : ''}`);
  if (crlBucketName) {
    // Indexes are not signed by a CA, so the authorizer reads them only in a bucket where nothing but the indexer can
    // write them.
    objects.push(`arn:${Aws.PARTITION}:s3:::${crlBucketName}/*.crl.index`);
  }
  // The ARN of a parameter contains neither a version nor a label.
  const parameters = rules
    .filter((uri) => uri.startsWith('ssm://'))
    .flatMap((uri) => uri.slice('ssm://'.length).split(','))
    .map((name) => `arn:${Aws.PARTITION}:ssm:${Aws.REGION}:${Aws.ACCOUNT_ID}:parameter${name.split(':')[0]}`);
  const statements: iam.PolicyStatement[] = [];
  if (objects.length) statements.push(allow(['s3:GetObject'], objects));
  for (const uri of prefixes) {
    // As in the template: the bucket of a prefix, and its first folder.
    const [, , bucket, folder] = uri.split('/');
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

/** The parameters of the revocation stack in docs/deploy/sam.md. */
export interface ClientCertificateRevocationProps extends ReleaseProps {
  /** Globally unique name for the new bucket. */
  readonly bucketName: string;
  /** CA certificates that verify the CRLs. They may be in the new bucket. */
  readonly truststoreUri: string;
  /** How many seconds a CRL stays valid after its nextUpdate. Default: 0. */
  readonly crlMaxAgeSeconds?: number;
  /** CAs of AWS Private CA, each of which may write crl/<CA ID>.crl and CRLs below crl/<CA ID>/. */
  readonly privateCaArns?: string[];
  /** IAM roles without a path, each of which may write CRLs below published/<role name>/. */
  readonly publisherRoleArns?: string[];
  /** CRLs to download: keys that end in .crl, by URLs. Default: there is no fetcher. */
  readonly crlSources?: Record<string, string>;
  /** Hosts of crlSources whose addresses may be private. Only if you trust their DNS server. */
  readonly crlSourcePrivateHosts?: string[];
  /** When to download CRLs, as an expression of EventBridge. Default: rate(1 hour). */
  readonly crlFetchSchedule?: string;
  /** Subnets to run the fetcher in, to reach private hosts. They need a route to S3. */
  readonly fetcherSubnetIds?: string[];
  /** Security groups of the fetcher. Together with fetcherSubnetIds. */
  readonly fetcherSecurityGroupIds?: string[];
  /** CloudWatch namespace for the metrics of the fetcher. Default: no metrics. */
  readonly metricsNamespace?: string;
  /** Whether to deploy alarms for the indexer and the fetcher. Default: true. */
  readonly deployAlarms?: boolean;
  /** SNS topic that the alarms notify. */
  readonly alarmTopicArn?: string;
}

/**
 * A bucket for CRLs with an indexer; a fetcher if there are crlSources; their alarms.
 *
 * It does not depend on the authorizer: deploy it, and upload the truststore and the CRLs, before you set CRL_URIS there.
 */
export class ClientCertificateRevocation extends Construct {
  readonly bucket: Bucket;
  readonly indexer: lambda.Function;
  /** The queue of uploads that have no index after three attempts. */
  readonly failures: Queue;
  readonly fetcher?: lambda.Function;
  /** That of the fetcher's metrics. */
  readonly metricsNamespace?: string;
  private readonly props: ClientCertificateRevocationProps;
  private readonly layer: lambda.LayerVersion;
  private readonly environment: Record<string, string>;
  private readonly bucketArn: string;

  constructor(scope: Construct, id: string, props: ClientCertificateRevocationProps) {
    super(scope, id);
    if (!props.fetcherSubnetIds?.length !== !props.fetcherSecurityGroupIds?.length) {
      throw new Error('set both fetcherSubnetIds and fetcherSecurityGroupIds, or neither');
    }
    const hasSources = Object.keys(props.crlSources ?? {}).length > 0;
    if ((props.fetcherSubnetIds?.length || props.crlSourcePrivateHosts?.length) && !hasSources) {
      throw new Error('fetcherSubnetIds, fetcherSecurityGroupIds and crlSourcePrivateHosts require crlSources');
    }
    checkSources(props.crlSources ?? {});
    checkArns(props.privateCaArns, PRIVATE_CA, 'the ARN of a certificate authority');
    checkArns(props.publisherRoleArns, ROLE, 'the ARN of an IAM role without a path');
    const publishers = props.publisherRoleArns ?? [];
    if (new Set(publishers.map((arn) => arn.split('/')[1])).size < publishers.length) {
      throw new Error('publisherRoleArns must have different names: roles of the same name would share a folder');
    }
    this.props = props;
    this.metricsNamespace = props.metricsNamespace;
    this.bucketArn = `arn:${Aws.PARTITION}:s3:::${props.bucketName}`; // references would be circular
    this.layer = createLayer(this, props, {
      name: 'client-certificate-auth-crl-indexer',
      description: 'The layer of the CRL indexer.',
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.environment = { TRUSTSTORE_URI: props.truststoreUri, S3_BUCKET_OWNER: Stack.of(this).account };
    if (props.crlMaxAgeSeconds !== undefined) this.environment.CRL_MAX_AGE_SECONDS = `${props.crlMaxAgeSeconds}`;
    this.failures = new Queue(this, 'CrlIndexerFailures', {
      retentionPeriod: Duration.days(14),
      encryption: QueueEncryption.SQS_MANAGED,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const { function: indexer, role } = this.createIndexer();
    this.indexer = indexer;
    this.bucket = this.createBucket();
    for (const statement of bucketPolicy(this.bucket.bucketArn, role.roleArn, props)) {
      this.bucket.addToResourcePolicy(statement);
    }
    this.bucket.policy?.applyRemovalPolicy(RETAINED);
    if (hasSources) {
      this.fetcher = this.createFetcher();
      this.addSchedule(this.fetcher);
    }
    if (props.deployAlarms ?? true) this.addAlarms();
  }

  private createIndexer(): FunctionResources {
    const indexer = this.createFunction('CrlIndexer', {
      handler: 'mtls_authorizer.crl_indexer.handler',
      description: 'Verifies uploaded CRLs and writes their indexes.',
      roleDescription: 'Allows the indexer to write its own log, to read CRLs and to write their indexes.',
      environment: this.environment,
      statements: [
        allow(['s3:GetObject'], [`${this.bucketArn}/*.crl`, `${this.bucketArn}/*.crl.index`]),
        allow(['s3:PutObject'], [`${this.bucketArn}/*.crl.index`]),
        allow(['sqs:SendMessage'], [this.failures.queueArn]),
      ],
    });
    const invocations = new lambda.CfnEventInvokeConfig(this, 'CrlIndexerEventInvokeConfig', {
      functionName: indexer.function.functionName,
      qualifier: '$LATEST',
      maximumRetryAttempts: 2,
      destinationConfig: { onFailure: { destination: this.failures.queueArn } },
    });
    invocations.node.addDependency(indexer.role); // Lambda verifies the permission
    return indexer;
  }

  private createBucket(): Bucket {
    const permission = new lambda.CfnPermission(this, 'CrlBucketInvokesIndexer', {
      action: 'lambda:InvokeFunction',
      functionName: this.indexer.functionName,
      principal: 's3.amazonaws.com',
      sourceAccount: Stack.of(this).account,
      sourceArn: this.bucketArn,
    });
    const bucket = new Bucket(this, 'CrlBucket', {
      bucketName: this.props.bucketName,
      encryption: BucketEncryption.S3_MANAGED,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      versioned: true,
      removalPolicy: RETAINED,
      lifecycleRules: [
        {
          id: 'OldVersions',
          noncurrentVersionExpiration: Duration.days(90),
          abortIncompleteMultipartUploadAfter: Duration.days(1),
        },
      ],
    });
    const resource = bucket.node.defaultChild as CfnBucket;
    // Neither an index nor the truststore has this suffix. Bucket.addEventNotification would add a function.
    resource.addPropertyOverride('NotificationConfiguration.LambdaConfigurations', [
      {
        Event: 's3:ObjectCreated:*',
        Filter: { S3Key: { Rules: [{ Name: 'suffix', Value: '.crl' }] } },
        Function: this.indexer.functionArn,
      },
    ]);
    resource.node.addDependency(permission); // S3 verifies the permission
    return bucket;
  }

  private createFetcher(): lambda.Function {
    const { props } = this;
    const environment: Record<string, string> = {
      ...this.environment,
      CRL_SOURCES: JSON.stringify(props.crlSources),
      CRL_DESTINATION: `s3://${props.bucketName}/fetched/`,
    };
    const privateHosts = props.crlSourcePrivateHosts?.join(',');
    if (privateHosts) environment.CRL_SOURCE_PRIVATE_HOSTS = privateHosts;
    if (props.metricsNamespace) environment.METRICS_NAMESPACE = props.metricsNamespace;
    const statements = [allow(['s3:GetObject', 's3:PutObject'], [`${this.bucketArn}/fetched/*.crl`])];
    if (props.fetcherSubnetIds?.length) {
      // Requests of the function itself have this key, and those that Lambda makes for its interfaces do not.
      const interfaces = allow(VPC_ACTIONS, ['*']);
      interfaces.addCondition('Null', { 'lambda:SourceFunctionArn': 'true' });
      statements.push(interfaces);
    }
    const fetcher = this.createFunction('CrlFetcher', {
      handler: 'mtls_authorizer.crl_fetcher.handler',
      description: 'Downloads CRLs, verifies them and stores them in the bucket.',
      roleDescription: 'Allows the fetcher to write its own log, and to read and write CRLs below fetched/.',
      environment,
      statements,
      retryAttempts: 0, // the next run is the retry
    }).function;
    if (props.fetcherSubnetIds?.length) {
      (fetcher.node.defaultChild as lambda.CfnFunction).vpcConfig = {
        subnetIds: props.fetcherSubnetIds,
        securityGroupIds: props.fetcherSecurityGroupIds,
      };
    }
    return fetcher;
  }

  private createFunction(
    id: string,
    options: Omit<FunctionOptions, 'layers' | 'memorySize' | 'timeout'>,
  ): FunctionResources {
    // Without s3:ListBucket, S3 answers AccessDenied for an object that does not exist.
    const reading = [allow(['s3:ListBucket'], [this.bucketArn])];
    const truststore = checkUri(this.props.truststoreUri, OBJECT);
    if (truststore.startsWith('s3://')) {
      reading.push(allow(['s3:GetObject'], [arnOfObject(truststore)]));
    }
    return createFunction(this, id, this.props, {
      ...options,
      layers: [this.layer],
      // A CRL with a million entries (39 MB) takes 220 MB and 2 seconds, the largest one 1.5 GB. The fetcher has the stored
      // CRL and the new one in memory at the same time.
      memorySize: 2048,
      timeout: Duration.minutes(5),
      statements: [...reading, ...options.statements],
    });
  }

  private addSchedule(fetcher: lambda.Function): void {
    const rule = new CfnRule(this, 'CrlFetcherSchedule', {
      scheduleExpression: this.props.crlFetchSchedule ?? 'rate(1 hour)',
      targets: [
        {
          arn: fetcher.functionArn,
          id: 'CrlFetcherScheduleLambdaTarget',
          retryPolicy: { maximumRetryAttempts: 0 },
        },
      ],
    });
    new lambda.CfnPermission(this, 'CrlFetcherSchedulePermission', {
      action: 'lambda:InvokeFunction',
      functionName: fetcher.functionName,
      principal: 'events.amazonaws.com',
      sourceArn: rule.attrArn,
    });
  }

  private addAlarms(): void {
    const errors = { namespace: 'AWS/Lambda', metricName: 'Errors', statistic: 'Sum' };
    this.addAlarm('CrlIndexerErrorsAlarm', 'The CRL indexer has failed or rejected a CRL. Its log contains the reason. See docs/stale-crl.md.', {
      ...errors,
      dimensions: [{ name: 'FunctionName', value: this.indexer.functionName }],
    });
    this.addAlarm('CrlIndexerFailuresAlarm', 'An uploaded CRL has no index after three attempts. See docs/stale-crl.md.', {
      namespace: 'AWS/SQS',
      metricName: 'ApproximateNumberOfMessagesVisible',
      statistic: 'Maximum',
      dimensions: [{ name: 'QueueName', value: this.failures.queueName }],
      // SQS may stop sending metrics after six hours without a request, also while the queue contains messages.
      treatMissingData: 'ignore',
    });
    if (this.fetcher) {
      this.addAlarm('CrlFetcherErrorsAlarm', 'The CRL fetcher has failed as a whole. Its log contains the reason. See docs/stale-crl.md.', {
        ...errors,
        dimensions: [{ name: 'FunctionName', value: this.fetcher.functionName }],
        treatMissingData: 'ignore', // between two runs
      });
    }
  }

  private addAlarm(id: string, alarmDescription: string, properties: Partial<CfnAlarmProps>): void {
    const actions = this.props.alarmTopicArn ? [this.props.alarmTopicArn] : undefined;
    new CfnAlarm(this, id, {
      alarmDescription,
      period: 300,
      evaluationPeriods: 1,
      threshold: 0,
      comparisonOperator: 'GreaterThanThreshold',
      treatMissingData: 'notBreaching',
      ...properties,
      alarmActions: actions,
      okActions: actions,
    });
  }
}

// If the stack cannot be created, the next attempt creates the bucket again. The policy is retained with the bucket, whose
// indexes the authorizer may still read.
const RETAINED = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE;

// Their last parts become names of folders. References do not match: their text is not known yet.
const PRIVATE_CA = /^arn:aws(-[a-z]+)*:acm-pca:[a-z0-9-]+:[0-9]{12}:certificate-authority\/[0-9a-f-]{36}$/;
const ROLE = /^arn:aws(-[a-z]+)*:iam::[0-9]{12}:role\/[A-Za-z0-9+=.@_-]{1,64}$/;

// URLs may be confidential: the message names none.
function checkSources(sources: Record<string, string>): void {
  const keys = Object.values(sources);
  const isValid = ([url, key]: [string, string]) =>
    /^(https?:\/\/.|~)/.test(url.replace(TOKEN, '~')) && /(\.crl|~)$/.test(key.replace(TOKEN, '~'));
  if (new Set(keys).size < keys.length || !Object.entries(sources).every(isValid)) {
    throw new Error('crlSources must map http or https URLs to keys that end in .crl, without a key twice');
  }
}

function checkArns(arns: string[] | undefined, pattern: RegExp, expected: string): void {
  for (const arn of arns ?? []) {
    if (!pattern.test(arn)) throw new Error(`${arn} is not ${expected}, as text`);
  }
}

function bucketPolicy(
  bucketArn: string,
  indexerRoleArn: string,
  props: ClientCertificateRevocationProps,
): iam.PolicyStatement[] {
  const reading = ['s3:Get*', 's3:List*'];
  const everybody = [new iam.StarPrincipal()];
  const statements = [
    new iam.PolicyStatement({
      sid: 'OverTlsOnly',
      effect: iam.Effect.DENY,
      principals: everybody,
      actions: ['s3:*'],
      resources: [bucketArn, `${bucketArn}/*`],
      conditions: { Bool: { 'aws:SecureTransport': 'false' } },
    }),
    // No CA signs an index: it is trusted because only the indexer, which verifies the CRL, can write it. Others may only
    // read indexes: if one was deleted, the indexer would accept an older CRL.
    new iam.PolicyStatement({
      sid: 'IndexesByTheIndexerOnly',
      effect: iam.Effect.DENY,
      principals: everybody,
      notActions: reading,
      resources: [`${bucketArn}/*.index`],
      conditions: { ArnNotEquals: { 'aws:PrincipalArn': indexerRoleArn } },
    }),
  ];
  // From AWS's guide to Private CA, which writes complete CRLs to crl/<CA ID>.crl, all others below CustomPath: set that
  // to crl/<CA ID>. The test key is written when the CA is configured.
  const privateCas = props.privateCaArns ?? [];
  const privateCa = [new iam.ServicePrincipal('acm-pca.amazonaws.com')];
  if (privateCas.length) {
    statements.push(
      new iam.PolicyStatement({
        sid: 'PrivateCasReadThePropertiesOfTheBucket',
        principals: privateCa,
        actions: ['s3:GetBucketAcl', 's3:GetBucketLocation'],
        resources: [bucketArn],
        conditions: { StringEquals: { 'aws:SourceArn': privateCas } },
      }),
    );
  }
  privateCas.forEach((arn, index) => {
    const folder = `${bucketArn}/crl/${arn.split('/')[1]}`;
    statements.push(
      new iam.PolicyStatement({
        sid: `PrivateCa${index + 1}`,
        principals: privateCa,
        actions: ['s3:PutObject', 's3:PutObjectAcl'],
        resources: [`${folder}.crl`, `${folder}/*`, `${bucketArn}/acm-pca-permission-test-key*`],
        conditions: { StringEquals: { 'aws:SourceArn': arn, 'aws:SourceAccount': arn.split(':')[4] } },
      }),
    );
  });
  (props.publisherRoleArns ?? []).forEach((arn, index) => {
    const objects = [`${bucketArn}/published/${arn.split('/')[1]}/*`];
    statements.push(
      new iam.PolicyStatement({
        sid: `Publisher${index + 1}`,
        principals: [new iam.ArnPrincipal(arn)],
        actions: ['s3:PutObject'],
        resources: objects,
      }),
      new iam.PolicyStatement({
        sid: `Publisher${index + 1}NowhereElse`,
        effect: iam.Effect.DENY,
        principals: everybody,
        notActions: reading,
        notResources: objects,
        conditions: { ArnEquals: { 'aws:PrincipalArn': arn } },
      }),
    );
  });
  return statements;
}

export interface ClientCertificateMonitoringProps {
  readonly releaseFolder: string;
  /** An authorizer with METRICS_NAMESPACE. */
  readonly authorizer: ClientCertificateAuthorizer;
  /** Its indexer and fetcher are on the dashboard, too. */
  readonly revocation?: ClientCertificateRevocation;
  /** Further parameters of monitoring.yaml, such as AlarmTopicArn. */
  readonly parameters?: Record<string, unknown>;
}

/** The dashboard and the alarms of an authorizer: monitoring.yaml of the release. */
export class ClientCertificateMonitoring extends Construct {
  constructor(scope: Construct, id: string, props: ClientCertificateMonitoringProps) {
    super(scope, id);
    const variables = props.authorizer.environment;
    if (!variables.METRICS_NAMESPACE) {
      throw new Error('the dashboard and the alarms require METRICS_NAMESPACE in the environment of the authorizer');
    }
    const parameters: Record<string, unknown> = {
      AuthorizerFunctionName: props.authorizer.function.functionName,
      AuthorizerLogGroup: props.authorizer.logGroup.logGroupName,
      MetricsNamespace: variables.METRICS_NAMESPACE,
    };
    for (const [variable, parameter] of Object.entries(PARAMETERS)) {
      if (variable in variables) parameters[parameter] = variables[variable];
    }
    if (props.revocation) {
      parameters.CrlIndexerFunctionName = props.revocation.indexer.functionName;
      parameters.CrlIndexerFailuresName = props.revocation.failures.queueName;
      if (props.revocation.fetcher) {
        if (props.revocation.metricsNamespace !== variables.METRICS_NAMESPACE) {
          throw new Error('the alarm of the fetcher requires the METRICS_NAMESPACE of the authorizer as metricsNamespace');
        }
        parameters.CrlFetcherFunctionName = props.revocation.fetcher.functionName;
      }
    }
    for (const [name, value] of Object.entries(props.parameters ?? {})) {
      // Templates compare true and false as text.
      parameters[name] = typeof value === 'boolean' ? String(value) : value;
    }
    const conditions = Object.entries(CONDITIONS).map(
      ([condition, parameter]) => [condition, parameters[parameter] ? 'True' : 'False'],
    );
    // An empty parameter is not the ARN of a topic. A reference is not checked.
    parameters.AlarmTopicArn ||= Aws.NO_VALUE;
    const folder = mkdtempSync(join(tmpdir(), 'monitoring-'));
    const templateFile = join(folder, 'monitoring.yaml');
    writeFileSync(templateFile, shortened(readFileSync(`${props.releaseFolder}/monitoring.yaml`, 'utf-8')));
    checkParameters(templateFile, parameters);
    const included = new CfnInclude(this, 'Template', {
      templateFile,
      preserveLogicalIds: false,
      parameters,
    });
    rmSync(folder, { recursive: true });
    for (const [condition, holds] of conditions) {
      included.getCondition(condition).expression = Fn.conditionEquals(holds, 'True');
    }
    // Unique in the account, even if the stack monitors several authorizers.
    (included.getResource('Dashboard') as CfnDashboard).dashboardName =
      `${Aws.STACK_NAME}-${Aws.REGION}-${this.node.addr.slice(-8)}`;
  }
}

const PARAMETERS = { UNAUTHENTICATED_RESPONSE: 'UnauthenticatedResponse', EXPIRY_WARNING_DAYS: 'ExpiryWarningDays' };

// Conditions must not refer to resources, which these parameters name.
const CONDITIONS = {
  HasAlarmTopic: 'AlarmTopicArn',
  HasCrlIndexer: 'CrlIndexerFunctionName',
  HasCrlFetcher: 'CrlFetcherFunctionName',
};

// CfnInclude replaces parameters without looking at what they accept.
function checkParameters(templateFile: string, values: Record<string, unknown>): void {
  const declared = new CfnInclude(new Stack(), 'Template', { templateFile });
  for (const [name, value] of Object.entries(values)) {
    const parameter = declared.getParameter(name);
    if (Token.isUnresolved(value) || typeof value === 'object') continue;
    const text = String(value);
    let accepted: boolean;
    let expected: string | undefined;
    if (parameter.type === 'Number') {
      const [lowest, highest] = [parameter.minValue ?? 0, parameter.maxValue ?? Infinity];
      accepted = /^[0-9]+$/.test(text) && lowest <= Number(text) && Number(text) <= highest;
      expected = `a whole number from ${lowest} to ${highest}`;
    } else if (parameter.allowedValues) {
      accepted = parameter.allowedValues.includes(text);
      expected = parameter.allowedValues.join(' or ');
    } else {
      accepted = new RegExp(parameter.allowedPattern ?? '').test(text);
      expected = parameter.constraintDescription;
    }
    if (!accepted) throw new Error(`${name} is ${text}: write ${expected}`);
  }
}

/**
 * A template without the order of parameters on the console, of which a stack can have only one. Rules are about parameters
 * that the construct replaces, and must not refer to resources either.
 */
function shortened(template: string): string {
  return template.replace(/^(Metadata|Rules):\n(?: .*\n|\n)+/gm, '');
}

interface FunctionOptions extends lambda.FunctionOptions {
  readonly handler: string;
  readonly environment: Record<string, string>;
  readonly roleDescription: string;
  readonly statements: iam.PolicyStatement[];
  readonly managedPolicies?: iam.IManagedPolicy[];
}

interface FunctionResources {
  readonly function: lambda.Function;
  readonly logs: LogGroup;
  readonly role: iam.Role;
}

/** A function that may write its own log, and what the statements allow, and nothing else. */
function createFunction(
  scope: Construct,
  id: string,
  release: ReleaseProps,
  { roleDescription, statements, managedPolicies, ...options }: FunctionOptions,
): FunctionResources {
  const logs = new LogGroup(scope, `${id}Logs`, {
    retention: release.logRetention ?? RetentionDays.THREE_MONTHS,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const writeLog = allow(['logs:CreateLogStream', 'logs:PutLogEvents'], [logs.logGroupArn]);
  const role = new iam.Role(scope, `${id}Role`, {
    description: roleDescription,
    assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
    inlinePolicies: { Work: new iam.PolicyDocument({ statements: [writeLog, ...statements] }) },
    managedPolicies,
  });
  const created = new lambda.Function(scope, id, {
    code: lambda.Code.fromAsset(`${release.releaseFolder}/authorizer.zip`),
    runtime: lambda.Runtime.PYTHON_3_13,
    architecture: architectureOf(release),
    role: role.withoutPolicyUpdates(),
    logGroup: logs,
    loggingFormat: lambda.LoggingFormat.JSON,
    applicationLogLevelV2: lambda.ApplicationLogLevel.INFO,
    ...options,
  });
  return { function: created, logs, role };
}

function createLayer(
  scope: Construct,
  release: ReleaseProps,
  { name, ...options }: { name: string; description: string; removalPolicy: RemovalPolicy },
): lambda.LayerVersion {
  return new lambda.LayerVersion(scope, 'Layer', {
    layerVersionName: `${name}-${architectureOf(release).name}`,
    code: lambda.Code.fromAsset(layerZip(release)),
    compatibleArchitectures: [architectureOf(release)],
    compatibleRuntimes: [
      lambda.Runtime.PYTHON_3_11,
      lambda.Runtime.PYTHON_3_12,
      lambda.Runtime.PYTHON_3_13,
      new lambda.Runtime('python3.14'),
      new lambda.Runtime('python3.15'),
    ],
    ...options,
  });
}

function layerZip(release: ReleaseProps): string {
  return `${release.releaseFolder}/client-certificate-auth-${architectureOf(release).name}.zip`;
}

function architectureOf(release: ReleaseProps): lambda.Architecture {
  return release.architecture ?? lambda.Architecture.ARM_64;
}

function arnOfObject(uri: string): string {
  return `arn:${Aws.PARTITION}:s3:::${uri.slice('s3://'.length)}`;
}

// A reference to another resource, such as the name of a bucket. Its text is not known yet: below, ~ stands for it.
const TOKEN = /\$\{Token\[[^\]]*\]\}/g;
const BUCKET = '[A-Za-z0-9._~-]+';
const KEY = '[^*?#$]*[^*?#$/]';
const S3_OR_FILE = `s3://(~|${BUCKET}/${KEY})|file:///.*[^/]`;
const PARAMETER = '(~|/[A-Za-z0-9_.~-]+)(/[A-Za-z0-9_.~-]+)*(:[A-Za-z0-9_.~-]+)?';

/** A kind of URI that permissions follow from: its pattern, and how to write it. */
interface Uri {
  readonly pattern: string;
  readonly expected: string;
}

const OBJECT: Uri = { pattern: S3_OR_FILE, expected: 's3://bucket/key or file:///path' };
const CRLS: Uri = {
  pattern: `${S3_OR_FILE}|s3://${BUCKET}/${KEY}/|file:///.*[^/]/`,
  expected: `${OBJECT.expected}, and / after a prefix`,
};
const RULES: Uri = {
  pattern: `${S3_OR_FILE}|ssm://${PARAMETER}(,${PARAMETER})*|appconfig://.+`,
  expected: 's3://bucket/key, ssm:///name, appconfig://application/environment/profile or file:///path',
};

/**
 * Returns a URI without surrounding whitespace, as the functions read it. It must permit what it names, and no more: the
 * text of a reference to a whole URI is not known, and IAM would read wildcards as a pattern.
 */
function checkUri(uri: string, kind: Uri): string {
  const stripped = uri.trim();
  if (!new RegExp(`^(${kind.pattern})$`).test(stripped.replace(TOKEN, '~'))) {
    throw new Error(`${uri} must be ${kind.expected}, as text without *, ?, # and $: permissions follow from it`);
  }
  return stripped;
}

function checkBucket(name: string): void {
  if (!new RegExp(`^${BUCKET}$`).test(name.replace(TOKEN, '~'))) throw new Error(`${name} is not the name of a bucket`);
}

// The CDK leaves out what is undefined, such as a variable of process.env: without an allowlist, more clients are allowed.
function checkEnvironment(environment: Record<string, string>): void {
  for (const [name, value] of Object.entries<unknown>(environment)) {
    if (typeof value !== 'string' || !value.trim()) {
      throw new Error(`${name} is empty or not text: write its value, or remove the variable for its default`);
    }
  }
}

function allow(actions: string[], resources: string[]): iam.PolicyStatement {
  return new iam.PolicyStatement({ actions, resources });
}

// The actions of AWSLambdaVPCAccessExecutionRole.
const VPC_ACTIONS = [
  'ec2:CreateNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:DeleteNetworkInterface',
  'ec2:AssignPrivateIpAddresses',
  'ec2:UnassignPrivateIpAddresses',
];
