// One consumer of a group, as a process that can be killed: prints a line for every event. Arguments: bootstrap, group, topic.
const { Kafka, logLevel } = require('kafkajs')
require('./codecs')
const [, , bootstrap, groupId, topic] = process.argv
const kafka = new Kafka({ clientId: 'member', brokers: [bootstrap], logLevel: logLevel.NOTHING, retry: { initialRetryTime: 100 } })
const consumer = kafka.consumer({ groupId, sessionTimeout: 6000, heartbeatInterval: 500, rebalanceTimeout: 10000, maxWaitTimeInMs: 200 })
const say = o => process.stdout.write(JSON.stringify(o) + '\n')
consumer.on(consumer.events.GROUP_JOIN, e => say({ join: e.payload.memberAssignment[topic] ?? [] }))
consumer.on(consumer.events.CRASH, e => say({ crash: String(e.payload.error) }))
;(async () => {
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({
    autoCommitThreshold: 1,
    eachMessage: async ({ partition, message }) => say({ p: partition, o: message.offset, v: message.value.toString() }),
  })
})()
process.stdin.on('end', async () => { await consumer.disconnect(); process.exit(0) }).resume()
