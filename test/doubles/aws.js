// What the stand-in for the AWS provider knows of the types that the capacity layer declares: ids, outputs, which
// changes replace, what happens to a name that exists, and the refusals of AWS that a plan could run into.
'use strict'
const { createHash } = require('node:crypto')

const hex = (value, digits) => createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, digits)

function checkNodeGroup({ nodeGroupName, labels, scalingConfig: { minSize, desiredSize, maxSize } }) {
  if (nodeGroupName.length > 63) throw new Error(`nodegroup name ${nodeGroupName} is longer than 63 characters`)
  if (maxSize < 1) throw new Error('maxSize is less than 1')
  if (minSize > desiredSize || desiredSize > maxSize)
    throw new Error(`desired ${desiredSize} is not within ${minSize} … ${maxSize}`)
  for (const label of Object.keys(labels ?? {}))
    if (/^(?!node\.|kubelet\.)[^/]*kubernetes\.io\//.test(label)) throw new Error(`the kubelet refuses ${label}`)
}

const types = {
  'aws:ec2/capacityReservation:CapacityReservation': {
    id: (inputs, { name }) => `cr-${hex([name, inputs], 17)}`,
    replaces: /^(availabilityZone|instanceType|instancePlatform|instanceMatchCriteria|tenancy|placementGroupArn)/,
    // Nothing in a request names a reservation: the second one is another, and bills too.
    existing: 'another',
  },
  'aws:ec2/placementGroup:PlacementGroup': {
    id: ({ name }) => name,
    replaces: /^(name|strategy|partitionCount|spreadLevel)/,
    existing: 'refuse',
  },
  'aws:ec2/launchTemplate:LaunchTemplate': {
    id: ({ name }) => `lt-${hex(name, 17)}`,
    replaces: /^name$/,
    existing: 'refuse',
    // A number that changes with the template; versions of AWS count up.
    outputs: ({ inputs }) => ({ latestVersion: Number.parseInt(hex(inputs, 6), 16) }),
  },
  'aws:eks/nodeGroup:NodeGroup': {
    id: ({ clusterName, nodeGroupName }) => `${clusterName}:${nodeGroupName}`,
    replaces: /^(clusterName|nodeGroupName|nodeRoleArn|subnetIds|instanceTypes|amiType|capacityType|diskSize|launchTemplate\.(id|name))/,
    existing: 'refuse',
    check: checkNodeGroup,
    outputs: ({ inputs }) => ({
      resources: [{ autoscalingGroups: [{ name: `eks-${inputs.nodeGroupName}` }], remoteAccessSecurityGroupId: '' }],
    }),
  },
  'aws:autoscaling/schedule:Schedule': {
    id: ({ autoscalingGroupName, scheduledActionName }) => `${autoscalingGroupName}/${scheduledActionName}`,
    replaces: /^(autoscalingGroupName|scheduledActionName)/,
  },
  'aws:sqs/queue:Queue': {
    id: ({ name }) => `https://sqs.stand-in/000000000000/${name}`,
    replaces: /^(name|fifoQueue)/,
    outputs: ({ id }) => ({ url: id }),
  },
  'aws:sqs/queuePolicy:QueuePolicy': { id: ({ queueUrl }) => queueUrl, replaces: /^queueUrl/ },
  'aws:cloudwatch/eventRule:EventRule': { id: ({ name }) => name, replaces: /^(name|eventBusName)/ },
  'aws:cloudwatch/eventTarget:EventTarget': {
    id: ({ rule, targetId }) => `${rule}-${targetId}`,
    replaces: /^(rule|targetId|eventBusName)/,
  },
}

function ruleOf(type) {
  const rule = types[type]
  if (rule === undefined) throw new Error(`the stand-in for aws does not know ${type}`)
  return rule
}

module.exports = {
  version: '7.48.0',
  check: ({ type, news }) => {
    ruleOf(type).check?.(news)
    return news
  },
  replaces: (path, type) => path === 'region' || ruleOf(type).replaces.test(path),
  id: (inputs, { type, name }) => ruleOf(type).id(inputs, { name }),
  existing: (type) => ruleOf(type).existing ?? 'keep',
  outputs: ({ type, inputs, id, preview, update, unknown }) => {
    const outputs = { arn: `arn:aws:stand-in:::${id}`, ...ruleOf(type).outputs?.({ inputs, id }) }
    if (!preview) return outputs
    // What exists keeps what AWS computed for it; a launch template that changes gets another version.
    const keys = Object.keys(outputs).filter((key) => !update || key === 'latestVersion')
    return { ...outputs, ...Object.fromEntries(keys.map((key) => [key, unknown])) }
  },
}
