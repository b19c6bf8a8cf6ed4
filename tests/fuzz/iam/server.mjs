// Answers lines of JSON: {"paths": […]} with the path that Node's URL makes of each (null: another host, or no URL), and
// {"policy": …, "arns": […]} with whether a published evaluator of IAM policies allows each (null: no ARN of a method,
// such as one without a path). The first argument is the folder with its node_modules; without it there is only the
// former.
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

const folder = process.argv[2]
const { runSimulation } = folder
  ? await import(pathToFileURL(`${folder}/node_modules/@cloud-copilot/iam-simulate/dist/esm/index.js`).href)
  : {}

function resolve(path) {
  try {
    const url = new URL(path, 'http://api.example/')
    return url.host === 'api.example' ? url.pathname : null
  } catch {
    return null
  }
}

async function isAllowed(policy, arn) {
  const request = {
    principal: 'arn:aws:iam::123456789012:role/client',
    action: 'execute-api:Invoke',
    resource: { resource: arn, accountId: '123456789012' },
    contextVariables: {}
  }
  const identityPolicies = [{ name: 'policy', policy }]
  const simulation = { request, identityPolicies, serviceControlPolicies: [], resourceControlPolicies: [] }
  const outcome = await runSimulation(simulation, {})
  if (outcome.resultType === 'error') return null
  return outcome.overallResult === 'Allowed'
}

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line)
  const answer = asked.paths
    ? asked.paths.map(resolve)
    : await Promise.all(asked.arns.map((arn) => isAllowed(asked.policy, arn)))
  console.log(JSON.stringify(answer))
}
