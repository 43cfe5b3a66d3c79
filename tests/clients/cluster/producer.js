// kafkajs producing to a cluster while its nodes come and go, one partition at a time (a send over several can lose some by itself when a
// leader moves). Arguments: bootstrap, topic. Until standard input ends. Each acknowledged record is a line: partition, offset, value.
const { Kafka, logLevel } = require('kafkajs')
const [, , bootstrap, topic] = process.argv
const kafka = new Kafka({ clientId: 'load', brokers: bootstrap.split(','), logLevel: logLevel.NOTHING, retry: { initialRetryTime: 50, maxRetryTime: 1000, retries: 60 } })
const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
let ended = false
process.stdin.on('end', () => { ended = true }).resume()
;(async () => {
  await producer.connect()
  let failed = 0
  for (let i = 0; !ended; i++) {
    const value = `js-${i}`
    const partition = i % 3
    try {
      const [meta] = await producer.send({ topic, acks: -1, messages: [{ partition, value }] })
      process.stdout.write(`${partition} ${meta.baseOffset} ${value}\n`)
    } catch (e) {
      process.stderr.write(`${value}: ${e}\n`)
      failed++
    }
  }
  await producer.disconnect()
  process.exit(failed ? 1 : 0)
})()
