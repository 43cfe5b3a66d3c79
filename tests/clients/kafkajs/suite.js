// kafkajs against a node: producing with every codec, headers, nulls, timestamps, idempotence, the admin calls it has, and a group
// of three processes of which one is killed. Argument: bootstrap. Prints `ok NAME` or `not ok NAME: why`.
const assert = require('node:assert')
const { spawn } = require('node:child_process')
const readline = require('node:readline')
const path = require('node:path')
const { Kafka, logLevel } = require('kafkajs')
const codecs = require('./codecs')

const bootstrap = process.argv[2]
const kafka = new Kafka({ clientId: 'suite', brokers: [bootstrap], logLevel: logLevel.ERROR, retry: { initialRetryTime: 100, retries: 8 } })
const admin = kafka.admin()
const sleep = ms => new Promise(r => setTimeout(r, ms))

async function check(name, f) {
  try { await f(); console.log(`ok ${name}`) } catch (e) { console.log(`not ok ${name}: ${String(e.message).split('\n').slice(0, 12).join(' / ')}`) }
}
// Reads `count` messages of a topic from its beginning, by a group of its own.
async function readAll(topic, count, groupId = `read-${topic}-${Date.now()}`) {
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 200 })
  const got = []
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  let done
  const all = new Promise(r => { done = r })
  await consumer.run({ eachMessage: async ({ partition, message }) => { got.push({ partition, ...message }); if (got.length >= count) done() } })
  await Promise.race([all, sleep(30000)])
  await sleep(100) // more than was asked for would be seen here
  await consumer.disconnect()
  assert.strictEqual(got.length, count, `messages read of ${topic}`)
  return got
}

async function codec(name) {
  const topic = `js-${name.toLowerCase()}`
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] })
  const producer = kafka.producer()
  await producer.connect()
  const base = Date.now() - 5000
  const sent = []
  for (let batch = 0; batch < 5; batch++) {
    const messages = []
    for (let i = 0; i < 100; i++) {
      messages.push({ key: i % 7 ? `key ${i}` : null, value: `batch ${batch} message ${i} ${'again and '.repeat(20)}`, timestamp: String(base + batch * 100 + i), headers: { n: String(i), binary: Buffer.from([0, 255, 128]) } })
    }
    await producer.send({ topic, messages, acks: -1, compression: codecs[name] })
    sent.push(...messages)
  }
  await producer.disconnect()
  const got = await readAll(topic, sent.length)
  got.forEach((g, i) => {
    assert.strictEqual(g.offset, String(i))
    assert.strictEqual(g.key === null ? null : g.key.toString(), sent[i].key)
    assert.strictEqual(g.value.toString(), sent[i].value)
    assert.strictEqual(g.timestamp, sent[i].timestamp)
    assert.deepStrictEqual(Object.keys(g.headers), ['n', 'binary'])
    assert.strictEqual(g.headers.n.toString(), sent[i].headers.n)
    assert.deepStrictEqual([...g.headers.binary], [0, 255, 128])
    assert.strictEqual(g.attributes & 7, 0)
  })
}

async function odd() {
  const topic = 'js-odd'
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] })
  const producer = kafka.producer()
  await producer.connect()
  const messages = [
    { key: null, value: null },
    { key: '', value: '' },
    { key: Buffer.from([0, 1, 2, 255]), value: Buffer.from([255, 254, 0]) },
    { key: 'ünïcödé', value: '日本語', headers: { many: ['1', '2', '3'], '': 'empty key', 'ключ': Buffer.alloc(0) } },
    { value: 'x'.repeat(300000) },
  ]
  await producer.send({ topic, messages })
  await producer.disconnect()
  const got = await readAll(topic, messages.length)
  assert.strictEqual(got[0].key, null); assert.strictEqual(got[0].value, null)
  assert.strictEqual(got[1].key.length, 0); assert.strictEqual(got[1].value.length, 0)
  assert.deepStrictEqual([...got[2].key], [0, 1, 2, 255]); assert.deepStrictEqual([...got[2].value], [255, 254, 0])
  assert.strictEqual(got[3].key.toString(), 'ünïcödé'); assert.strictEqual(got[3].value.toString(), '日本語')
  assert.deepStrictEqual(got[3].headers.many.map(String), ['1', '2', '3'])
  assert.strictEqual(got[3].headers[''].toString(), 'empty key'); assert.strictEqual(got[3].headers['ключ'].length, 0)
  assert.strictEqual(got[4].value.length, 300000)
}

async function idempotent() {
  const topic = 'js-idempotent'
  await admin.createTopics({ topics: [{ topic, numPartitions: 3 }] })
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  for (let i = 0; i < 60; i++) await producer.send({ topic, acks: -1, messages: [{ partition: i % 3, value: String(i) }] })
  await producer.disconnect()
  const got = await readAll(topic, 60)
  for (let p = 0; p < 3; p++) assert.deepStrictEqual(got.filter(g => g.partition === p).map(g => Number(g.value)), Array.from({ length: 20 }, (_, i) => 3 * i + p))
}

async function acks() {
  const topic = 'js-acks'
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] })
  const producer = kafka.producer()
  await producer.connect()
  for (const a of [0, 1, -1]) await producer.send({ topic, acks: a, messages: [{ value: `acks ${a}` }] })
  await producer.disconnect()
  assert.deepStrictEqual((await readAll(topic, 3)).map(g => g.value.toString()), ['acks 0', 'acks 1', 'acks -1'])
}

async function adminCalls() {
  const topic = 'js-admin'
  assert.strictEqual(await admin.createTopics({ topics: [{ topic, numPartitions: 2, configEntries: [{ name: 'retention.ms', value: '86400000' }] }] }), true)
  assert.strictEqual(await admin.createTopics({ topics: [{ topic }] }), false)
  assert.ok((await admin.listTopics()).includes(topic))
  const meta = await admin.fetchTopicMetadata({ topics: [topic] })
  assert.deepStrictEqual(meta.topics[0].partitions.map(p => [p.partitionErrorCode, p.leader, p.replicas, p.isr]).sort(), [[0, 1, [1], [1]], [0, 1, [1], [1]]])
  await admin.createPartitions({ topicPartitions: [{ topic, count: 5 }] })
  assert.strictEqual((await admin.fetchTopicMetadata({ topics: [topic] })).topics[0].partitions.length, 5)
  const configs = await admin.describeConfigs({ includeSynonyms: true, resources: [{ type: 2, name: topic }] })
  const entry = configs.resources[0].configEntries.find(e => e.configName === 'retention.ms')
  assert.strictEqual(entry.configValue, '86400000'); assert.strictEqual(entry.configSource, 1)
  await admin.alterConfigs({ validateOnly: false, resources: [{ type: 2, name: topic, configEntries: [{ name: 'max.message.bytes', value: '2000000' }] }] })
  const after = (await admin.describeConfigs({ resources: [{ type: 2, name: topic, configNames: ['max.message.bytes', 'retention.ms'] }] })).resources[0].configEntries
  assert.deepStrictEqual(Object.fromEntries(after.map(e => [e.configName, e.configValue])), { 'max.message.bytes': '2000000', 'retention.ms': '604800000' })
  const producer = kafka.producer(); await producer.connect()
  await producer.send({ topic, messages: Array.from({ length: 10 }, (_, i) => ({ partition: 0, value: String(i), timestamp: String(1000 * (i + 1) + Date.now() - 60000) })) })
  await producer.disconnect()
  assert.deepStrictEqual((await admin.fetchTopicOffsets(topic)).find(p => p.partition === 0), { partition: 0, offset: '10', high: '10', low: '0' })
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '4' }] })
  assert.strictEqual((await admin.fetchTopicOffsets(topic)).find(p => p.partition === 0).low, '4')
  await admin.setOffsets({ groupId: 'js-set', topic, partitions: [{ partition: 0, offset: '7' }] })
  const offsets = await admin.fetchOffsets({ groupId: 'js-set', topics: [topic] })
  assert.strictEqual(offsets[0].partitions.find(p => p.partition === 0).offset, '7')
  assert.ok((await admin.listGroups()).groups.some(g => g.groupId === 'js-set'))
  assert.strictEqual((await admin.describeGroups(['js-set'])).groups[0].state, 'Empty')
  assert.strictEqual((await admin.deleteGroups(['js-set']))[0].errorCode, 0)
  const cluster = await admin.describeCluster()
  assert.strictEqual(cluster.brokers.length, 1); assert.strictEqual(`127.0.0.1:${cluster.brokers[0].port}`, bootstrap)
  await admin.deleteTopics({ topics: [topic] })
  assert.ok(!(await admin.listTopics()).includes(topic))
}

// Three processes share six partitions; one is killed without a word; the other two take over, and every message is read in order.
async function crash() {
  const topic = 'js-group'
  const groupId = 'js-crash'
  await admin.createTopics({ topics: [{ topic, numPartitions: 6 }] })
  const producer = kafka.producer(); await producer.connect()
  let n = 0
  const produce = async count => { for (const end = n + count; n < end; n++) await producer.send({ topic, messages: [{ partition: n % 6, value: String(n) }] }) }
  const members = []
  const seen = new Map() // "partition offset" -> value
  const order = new Map() // member -> partition -> offsets, in the order that it read them
  const start = () => {
    const child = spawn(process.execPath, [path.join(__dirname, 'member.js'), bootstrap, groupId, topic], { stdio: ['pipe', 'pipe', 'inherit'] })
    const m = { child, parts: null, crashes: [] }
    readline.createInterface({ input: child.stdout }).on('line', l => {
      const e = JSON.parse(l)
      if (e.join) { m.parts = e.join; order.set(m, new Map()) }
      if (e.crash) m.crashes.push(e.crash)
      if (e.p !== undefined) {
        const k = `${e.p} ${e.o}`
        if (seen.has(k)) assert.strictEqual(seen.get(k), e.v)
        seen.set(k, e.v)
        const own = order.get(m); if (!own.has(e.p)) own.set(e.p, []); own.get(e.p).push(Number(e.o))
      }
    })
    members.push(m)
    return m
  }
  const until = async (what, f, ms = 45000) => {
    for (const end = Date.now() + ms; Date.now() < end; await sleep(50)) if (f()) return
    throw new Error(`not in ${ms} ms: ${what}; the members have ${JSON.stringify(members.map(m => m.parts))}, crashes ${JSON.stringify(members.map(m => m.crashes))}, read ${seen.size} of ${n}`)
  }
  const split = (ms, sizes) => ms.every(m => m.parts) && JSON.stringify(ms.map(m => m.parts.length).sort()) === JSON.stringify(sizes) && new Set(ms.flatMap(m => m.parts)).size === 6
  try {
    start(); start(); start()
    await until('three members share six partitions', () => split(members, [2, 2, 2]))
    await produce(120)
    await until('the first 120 are read', () => seen.size === n)
    const victim = members.shift()
    victim.child.kill('SIGKILL')
    await produce(120)
    await until('two members share six partitions', () => split(members, [3, 3]))
    await produce(60)
    await until('all 300 are read', () => seen.size === n)
    assert.deepStrictEqual([...seen.values()].map(Number).sort((a, b) => a - b), Array.from({ length: n }, (_, i) => i))
    for (const own of order.values()) for (const [p, offsets] of own) offsets.forEach((o, i) => i && assert.ok(o > offsets[i - 1], `partition ${p} out of order`))
  } finally {
    await producer.disconnect()
    await Promise.all(members.map(m => new Promise(r => { m.child.on('exit', r); m.child.stdin.end(); setTimeout(() => m.child.kill('SIGKILL'), 8000).unref() })))
  }
  await until('the group is empty', () => true)
  assert.strictEqual((await admin.describeGroups([groupId])).groups[0].state, 'Empty')
}

;(async () => {
  await admin.connect()
  for (const c of ['None', 'GZIP', 'Snappy', 'LZ4', 'ZSTD']) await check(`codec ${c}`, () => codec(c))
  await check('nulls, empties, binary, headers with one key many times', odd)
  await check('idempotent producer', idempotent)
  await check('acks 0, 1 and all', acks)
  await check('admin calls', adminCalls)
  await check('a group of three goes on when one is killed', crash)
  await admin.disconnect()
  process.exit(0)
})()
