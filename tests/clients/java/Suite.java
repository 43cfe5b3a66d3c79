// The Java clients against a node: what was produced comes back exactly, groups of cooperative members lose and double nothing on the
// committed path when one leaves and when one crashes, and the admin client's answers. Argument: bootstrap.
// Prints `ok NAME` or `not ok NAME: why`; each check waits at most as long as its own limit.
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import java.util.function.*;
import java.util.stream.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.serialization.*;

public class Suite {
    static String bootstrap;
    static Admin admin;

    interface Body { void run() throws Exception; }

    static void check(String name, Body body) {
        try {
            body.run();
            System.out.println("ok " + name);
        } catch (Throwable e) {
            StringBuilder why = new StringBuilder(String.valueOf(e));
            for (StackTraceElement at : e.getStackTrace()) if (at.getClassName().startsWith("Suite")) why.append(" < ").append(at);
            System.out.println("not ok " + name + ": " + why.toString().replace('\n', ' '));
        }
    }

    static void same(Object got, Object wanted, String what) {
        if (!Objects.deepEquals(got, wanted)) throw new AssertionError(what + ": got " + text(got) + ", wanted " + text(wanted));
    }

    static void that(boolean truth, String what) { if (!truth) throw new AssertionError(what); }

    static String text(Object o) { return o instanceof byte[] b ? Arrays.toString(b) : String.valueOf(o); }

    static void until(int seconds, String what, BooleanSupplier done) throws Exception {
        long end = System.nanoTime() + seconds * 1_000_000_000L;
        while (!done.getAsBoolean()) {
            that(System.nanoTime() < end, "not within " + seconds + " s: " + what);
            Thread.sleep(20);
        }
    }

    // The error of a future, which must have one of this class.
    static Throwable fails(Class<? extends Throwable> wanted, Future<?> future) throws Exception {
        try {
            Object got = future.get(30, TimeUnit.SECONDS);
            throw new AssertionError("no error, but " + got + "; wanted " + wanted.getSimpleName());
        } catch (ExecutionException e) {
            that(wanted.isInstance(e.getCause()), "got " + e.getCause() + ", wanted " + wanted.getSimpleName());
            return e.getCause();
        }
    }

    static <T> T get(Future<T> future) throws Exception { return future.get(30, TimeUnit.SECONDS); }

    // A new topic that is ready: Apache Kafka answers before its broker knows the partitions, and the latest offsets say that it does.
    static void create(String topic, int partitions, String... configs) throws Exception {
        createOnly(topic, partitions, configs);
        get(admin.listOffsets(IntStream.range(0, partitions).boxed().collect(Collectors.toMap(p -> new TopicPartition(topic, p), p -> OffsetSpec.latest()))).all());
    }

    static void createOnly(String topic, int partitions, String... configs) throws Exception {
        Map<String, String> map = new HashMap<>();
        for (int i = 0; i < configs.length; i += 2) map.put(configs[i], configs[i + 1]);
        get(admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1).configs(map))).all());
    }

    static Map<String, Object> settings(Object... pairs) {
        Map<String, Object> map = new HashMap<>();
        map.put("bootstrap.servers", bootstrap);
        for (int i = 0; i < pairs.length; i += 2) map.put((String) pairs[i], pairs[i + 1]);
        return map;
    }

    static KafkaProducer<byte[], byte[]> producer(Object... pairs) {
        return new KafkaProducer<>(settings(pairs), new ByteArraySerializer(), new ByteArraySerializer());
    }

    static KafkaConsumer<byte[], byte[]> consumer(Object... pairs) {
        Map<String, Object> map = settings("auto.offset.reset", "earliest", "enable.auto.commit", "false");
        map.putAll(settings(pairs));
        return new KafkaConsumer<>(map, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    static byte[] bytes(String s) { return s == null ? null : s.getBytes(StandardCharsets.UTF_8); }

    // All records of a partition from its start to its end as the broker tells it, then one poll more that must be empty.
    static List<ConsumerRecord<byte[], byte[]>> read(TopicPartition tp, Object... pairs) throws Exception {
        try (KafkaConsumer<byte[], byte[]> c = consumer(pairs)) {
            c.assign(List.of(tp));
            c.seekToBeginning(List.of(tp));
            long end = c.endOffsets(List.of(tp)).get(tp);
            List<ConsumerRecord<byte[], byte[]>> got = new ArrayList<>();
            long limit = System.nanoTime() + 30_000_000_000L;
            while (c.position(tp) < end && System.nanoTime() < limit) c.poll(Duration.ofMillis(200)).forEach(got::add);
            same(c.position(tp), end, "position at the end");
            c.poll(Duration.ofMillis(20)).forEach(got::add);
            return got;
        }
    }

    static void sameRecord(ConsumerRecord<byte[], byte[]> got, ProducerRecord<byte[], byte[]> sent, long offset) {
        String at = "record " + offset + " ";
        same(got.offset(), offset, at + "offset");
        same(got.key(), sent.key(), at + "key");
        same(got.value(), sent.value(), at + "value");
        same(got.serializedKeySize(), sent.key() == null ? -1 : sent.key().length, at + "key size");
        Header[] g = got.headers().toArray(), s = sent.headers().toArray();
        same(g.length, s.length, at + "header count");
        for (int i = 0; i < g.length; i++) {
            same(g[i].key(), s[i].key(), at + "header key");
            same(g[i].value(), s[i].value(), at + "header value");
        }
    }

    // --- producing and consuming

    static void codec(String codec) throws Exception {
        String topic = "java-" + codec;
        create(topic, 1);
        Random random = new Random(codec.hashCode());
        List<ProducerRecord<byte[], byte[]>> sent = new ArrayList<>();
        long base = System.currentTimeMillis() - 100_000;
        for (int i = 0; i < 2000; i++) {
            byte[] noise = new byte[random.nextInt(300)];
            random.nextBytes(noise);
            byte[] value = i % 11 == 3 ? null : i % 11 == 4 ? new byte[0] : i % 3 == 0 ? noise : bytes("a line that repeats ".repeat(10) + i);
            byte[] key = i % 5 == 2 ? null : i % 5 == 3 ? new byte[0] : bytes("kéy-" + i);
            List<Header> headers = new ArrayList<>();
            for (int h = 0; h < i % 4; h++) headers.add(new RecordHeader("h" + h % 2, h == 2 ? null : new byte[] {(byte) i, 0, -1}));
            // Timestamps out of order on purpose.
            sent.add(new ProducerRecord<>(topic, 0, base + (i * 7919L) % 90_000, key, value, headers));
        }
        List<Future<RecordMetadata>> acks = new ArrayList<>();
        try (KafkaProducer<byte[], byte[]> p = producer("compression.type", codec, "linger.ms", "5", "batch.size", "8192")) {
            for (ProducerRecord<byte[], byte[]> r : sent) acks.add(p.send(r));
        }
        for (int i = 0; i < sent.size(); i++) {
            RecordMetadata m = get(acks.get(i));
            same(m.offset(), (long) i, "acked offset");
            same(m.timestamp(), sent.get(i).timestamp(), "acked timestamp");
        }
        // Small fetches, so that batches are cut across answers.
        List<ConsumerRecord<byte[], byte[]>> got = read(new TopicPartition(topic, 0), "max.partition.fetch.bytes", "20000", "check.crcs", "true");
        same(got.size(), sent.size(), "records");
        for (int i = 0; i < got.size(); i++) {
            sameRecord(got.get(i), sent.get(i), i);
            same(got.get(i).timestamp(), sent.get(i).timestamp(), "timestamp of record " + i);
            same(got.get(i).timestampType(), TimestampType.CREATE_TIME, "timestamp type");
            same(got.get(i).leaderEpoch(), Optional.of(0), "leader epoch");
        }
    }

    static void acksLevels() throws Exception {
        create("java-acks", 1);
        TopicPartition tp = new TopicPartition("java-acks", 0);
        for (String acks : List.of("0", "1", "all")) {
            try (KafkaProducer<byte[], byte[]> p = producer("acks", acks, "enable.idempotence", "false")) {
                RecordMetadata m = get(p.send(new ProducerRecord<>("java-acks", bytes("acks " + acks))));
                same(m.hasOffset(), !acks.equals("0"), "an offset with acks=" + acks);
            }
        }
        same(read(tp).stream().map(r -> new String(r.value())).toList(), List.of("acks 0", "acks 1", "acks all"), "values");
    }

    static void logAppendTime() throws Exception {
        create("java-append-time", 1, "message.timestamp.type", "LogAppendTime");
        TopicPartition tp = new TopicPartition("java-append-time", 0);
        for (String codec : List.of("none", "zstd")) {
            long before = System.currentTimeMillis();
            try (KafkaProducer<byte[], byte[]> p = producer("compression.type", codec)) {
                RecordMetadata m = get(p.send(new ProducerRecord<>("java-append-time", 0, 12345L, null, bytes(codec))));
                that(m.timestamp() >= before && m.timestamp() <= System.currentTimeMillis(), "acked with the time of the append: " + m.timestamp());
                ConsumerRecord<byte[], byte[]> r = read(tp).get((int) m.offset());
                same(r.timestampType(), TimestampType.LOG_APPEND_TIME, "timestamp type");
                same(r.timestamp(), m.timestamp(), "timestamp");
            }
        }
    }

    static void idempotent() throws Exception {
        create("java-idempotent", 3);
        Map<Integer, List<String>> sent = new TreeMap<>();
        List<Future<RecordMetadata>> acks = new ArrayList<>();
        try (KafkaProducer<byte[], byte[]> p = producer("batch.size", "500", "linger.ms", "0", "max.in.flight.requests.per.connection", "5")) {
            for (int i = 0; i < 6000; i++) {
                int partition = i % 3;
                sent.computeIfAbsent(partition, k -> new ArrayList<>()).add("v" + i);
                acks.add(p.send(new ProducerRecord<>("java-idempotent", partition, null, bytes("v" + i))));
            }
            p.flush();
            DescribeProducersResult.PartitionProducerState state = get(admin.describeProducers(List.of(new TopicPartition("java-idempotent", 0)))
                .partitionResult(new TopicPartition("java-idempotent", 0)));
            same(state.activeProducers().size(), 1, "active producers");
            ProducerState one = state.activeProducers().get(0);
            same(one.lastSequence(), 1999, "last sequence");
            same(one.producerEpoch(), 0, "producer epoch");
            same(one.currentTransactionStartOffset(), OptionalLong.empty(), "transaction start");
            that(one.producerId() >= 0 && Math.abs(one.lastTimestamp() - System.currentTimeMillis()) < 60_000, "at " + System.currentTimeMillis() + " the producer state " + one);
        }
        for (Future<RecordMetadata> ack : acks) get(ack);
        for (int partition = 0; partition < 3; partition++) {
            List<ConsumerRecord<byte[], byte[]>> got = read(new TopicPartition("java-idempotent", partition));
            same(got.stream().map(r -> new String(r.value())).toList(), sent.get(partition), "values in order of partition " + partition);
            for (int i = 0; i < got.size(); i++) same(got.get(i).offset(), (long) i, "offsets without a gap");
        }
    }

    static void largeRecords() throws Exception {
        create("java-large", 1, "max.message.bytes", "300000");
        TopicPartition tp = new TopicPartition("java-large", 0);
        byte[] large = new byte[299_000];
        new Random(1).nextBytes(large);
        try (KafkaProducer<byte[], byte[]> p = producer("max.request.size", "5000000")) {
            get(p.send(new ProducerRecord<>("java-large", large)));
            fails(RecordTooLargeException.class, p.send(new ProducerRecord<>("java-large", new byte[400_000])));
            same(get(p.send(new ProducerRecord<>("java-large", bytes("after")))).offset(), 1L, "the refused record took no offset");
        }
        // A record larger than the fetch's limit comes all the same (KIP-74).
        List<ConsumerRecord<byte[], byte[]>> got = read(tp, "max.partition.fetch.bytes", "1000", "fetch.max.bytes", "1000");
        same(got.size(), 2, "records");
        same(got.get(0).value(), large, "the large value");
    }

    static void timestampsRefused() throws Exception {
        create("java-future", 1);
        try (KafkaProducer<byte[], byte[]> p = producer()) {
            long now = System.currentTimeMillis();
            fails(InvalidTimestampException.class, p.send(new ProducerRecord<>("java-future", 0, now + 2 * 3_600_000L, null, bytes("future"))));
            get(p.send(new ProducerRecord<>("java-future", 0, now + 1_800_000L, null, bytes("soon"))));
        }
        create("java-compact", 1, "cleanup.policy", "compact");
        try (KafkaProducer<byte[], byte[]> p = producer()) {
            fails(InvalidRecordException.class, p.send(new ProducerRecord<>("java-compact", 0, null, bytes("no key"))));
            get(p.send(new ProducerRecord<>("java-compact", 0, bytes("key"), null)));
        }
    }

    static void unknownTopics() throws Exception {
        try (KafkaConsumer<byte[], byte[]> c = consumer("allow.auto.create.topics", "false", "default.api.timeout.ms", "3000")) {
            same(c.partitionsFor("java-missing"), List.of(), "partitions of an unknown topic");
            same(c.listTopics().containsKey("java-missing"), false, "listed");
        }
        fails(UnknownTopicOrPartitionException.class, admin.describeTopics(List.of("java-missing")).allTopicNames());
        try (KafkaProducer<byte[], byte[]> p = producer("max.block.ms", "5000")) {
            fails(InvalidTopicException.class, p.send(new ProducerRecord<>("java none", bytes("x"))));
            // Creation on first use.
            same(get(p.send(new ProducerRecord<>("java-auto", bytes("x")))).offset(), 0L, "offset in a topic made by its first use");
        }
        same(get(admin.describeTopics(List.of("java-auto")).allTopicNames()).get("java-auto").partitions().size(), 1, "partitions of it");
    }

    static void offsetsByTime() throws Exception {
        create("java-times", 2);
        TopicPartition tp = new TopicPartition("java-times", 0), empty = new TopicPartition("java-times", 1);
        long base = System.currentTimeMillis() - 1_000_000;
        long[] times = {100, 300, 200, 500, 400};
        for (String codec : List.of("none", "gzip")) {
            try (KafkaProducer<byte[], byte[]> p = producer("compression.type", codec, "linger.ms", "200")) {
                for (long t : times) p.send(new ProducerRecord<>("java-times", 0, base + t + (codec.equals("gzip") ? 1000 : 0), null, bytes("t" + t)));
            }
        }
        try (KafkaConsumer<byte[], byte[]> c = consumer()) {
            same(c.beginningOffsets(List.of(tp, empty)), Map.of(tp, 0L, empty, 0L), "beginning offsets");
            same(c.endOffsets(List.of(tp, empty)), Map.of(tp, 10L, empty, 0L), "end offsets");
            long[][] cases = {{0, 0, 100}, {100, 0, 100}, {101, 1, 300}, {300, 1, 300}, {301, 3, 500}, {501, 5, 1100}, {1101, 6, 1300}, {1500, 8, 1500}};
            for (long[] k : cases) {
                OffsetAndTimestamp o = c.offsetsForTimes(Map.of(tp, base + k[0])).get(tp);
                same(o.offset(), k[1], "offset for time " + k[0]);
                same(o.timestamp(), base + k[2], "timestamp for time " + k[0]);
                same(o.leaderEpoch(), Optional.of(0), "leader epoch for a time");
            }
            Map<TopicPartition, OffsetAndTimestamp> none = c.offsetsForTimes(Map.of(tp, base + 1501, empty, base));
            that(none.get(tp) == null && none.get(empty) == null, "a time after all gives none: " + none);
            c.assign(List.of(tp));
            for (long offset : new long[] {7, 2, 9, 0, 5}) { // in the middle of batches
                c.seek(tp, offset);
                ConsumerRecords<byte[], byte[]> records = ConsumerRecords.empty();
                for (int i = 0; i < 100 && records.isEmpty(); i++) records = c.poll(Duration.ofMillis(100));
                same(records.iterator().next().offset(), offset, "the first record after a seek");
            }
            same(c.currentLag(tp).getAsLong() >= 0, true, "lag");
        }
        same(get(admin.listOffsets(Map.of(tp, OffsetSpec.maxTimestamp())).partitionResult(tp)).offset(), 8L, "offset of the max timestamp");
        same(get(admin.listOffsets(Map.of(tp, OffsetSpec.maxTimestamp())).partitionResult(tp)).timestamp(), base + 1500, "the max timestamp");
        same(get(admin.listOffsets(Map.of(empty, OffsetSpec.maxTimestamp())).partitionResult(empty)).offset(), -1L, "max timestamp of nothing");
        same(get(admin.listOffsets(Map.of(tp, OffsetSpec.earliest())).partitionResult(tp)).offset(), 0L, "earliest");
        same(get(admin.listOffsets(Map.of(tp, OffsetSpec.latest())).partitionResult(tp)).offset(), 10L, "latest");
        same(get(admin.listOffsets(Map.of(tp, OffsetSpec.forTimestamp(base + 301))).partitionResult(tp)).offset(), 3L, "by timestamp");
        same(get(admin.listOffsets(Map.of(tp, OffsetSpec.earliestLocal())).partitionResult(tp)).offset(), 0L, "earliest local");
    }

    static void outOfRange() throws Exception {
        TopicPartition tp = new TopicPartition("java-times", 0);
        try (KafkaConsumer<byte[], byte[]> c = consumer("auto.offset.reset", "none")) {
            c.assign(List.of(tp));
            c.seek(tp, 11);
            try {
                for (int i = 0; i < 50; i++) c.poll(Duration.ofMillis(100));
                throw new AssertionError("no OffsetOutOfRangeException");
            } catch (org.apache.kafka.clients.consumer.OffsetOutOfRangeException e) {
                same(e.offsetOutOfRangePartitions(), Map.of(tp, 11L), "out of range");
            }
        }
    }

    static void deleteRecords() throws Exception {
        create("java-delete", 1);
        TopicPartition tp = new TopicPartition("java-delete", 0);
        try (KafkaProducer<byte[], byte[]> p = producer("linger.ms", "100")) {
            for (int i = 0; i < 10; i++) p.send(new ProducerRecord<>("java-delete", 0, null, bytes("v" + i)));
        }
        same(get(admin.deleteRecords(Map.of(tp, RecordsToDelete.beforeOffset(4))).lowWatermarks().get(tp)).lowWatermark(), 4L, "low watermark");
        same(read(tp).stream().map(ConsumerRecord::offset).toList(), List.of(4L, 5L, 6L, 7L, 8L, 9L), "what is left, from the middle of a batch");
        fails(org.apache.kafka.common.errors.OffsetOutOfRangeException.class, admin.deleteRecords(Map.of(tp, RecordsToDelete.beforeOffset(11))).all());
        same(get(admin.deleteRecords(Map.of(tp, RecordsToDelete.beforeOffset(-1))).lowWatermarks().get(tp)).lowWatermark(), 10L, "all deleted");
        same(get(admin.listOffsets(Map.of(tp, OffsetSpec.earliest())).partitionResult(tp)).offset(), 10L, "the new start");
        TopicPartition unknown = new TopicPartition("java-missing", 0);
        fails(ApiException.class, admin.deleteRecords(Map.of(unknown, RecordsToDelete.beforeOffset(1)), new DeleteRecordsOptions().timeoutMs(2000)).all());
    }

    // --- groups

    // A member in a thread of its own, of the consume-process-commit kind: what it has polled counts when its commit has succeeded.
    static final class Member extends Thread {
        final KafkaConsumer<byte[], byte[]> consumer;
        final Map<TopicPartition, TreeMap<Long, String>> committed;
        final Set<TopicPartition> owned = ConcurrentHashMap.newKeySet();
        final AtomicInteger revoked = new AtomicInteger(), lost = new AtomicInteger();
        final List<String> doubled = Collections.synchronizedList(new ArrayList<>());
        volatile boolean leave, hold;
        volatile Throwable failure;
        final CountDownLatch holding = new CountDownLatch(1);

        Member(String topic, String group, Map<TopicPartition, TreeMap<Long, String>> committed, Object... pairs) {
            this.committed = committed;
            Map<String, Object> map = settings("auto.offset.reset", "earliest", "enable.auto.commit", "false", "group.id", group, "max.poll.records", "50",
                "partition.assignment.strategy", CooperativeStickyAssignor.class.getName(), "session.timeout.ms", "6000", "heartbeat.interval.ms", "500");
            map.putAll(settings(pairs));
            consumer = new KafkaConsumer<>(map, new ByteArrayDeserializer(), new ByteArrayDeserializer());
            consumer.subscribe(List.of(topic), new ConsumerRebalanceListener() {
                public void onPartitionsRevoked(Collection<TopicPartition> c) { owned.removeAll(c); revoked.addAndGet(c.size()); }
                public void onPartitionsAssigned(Collection<TopicPartition> c) { owned.addAll(c); }
                public void onPartitionsLost(Collection<TopicPartition> c) { owned.removeAll(c); lost.addAndGet(c.size()); }
            });
            setDaemon(true);
            start();
        }

        @Override public void run() {
            try {
                while (!leave) {
                    ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofMillis(50));
                    if (records.isEmpty()) continue;
                    if (hold) {
                        holding.countDown();
                        Thread.sleep(60_000);
                    }
                    try {
                        consumer.commitSync();
                    } catch (RebalanceInProgressException | CommitFailedException e) {
                        // Not committed: who owns the partition next reads them again; who keeps it must too.
                        for (TopicPartition tp : records.partitions()) {
                            if (consumer.assignment().contains(tp)) consumer.seek(tp, records.records(tp).get(0).offset());
                        }
                        continue;
                    }
                    for (ConsumerRecord<byte[], byte[]> r : records) {
                        if (committed == null) System.out.println("c " + r.partition() + " " + r.offset() + " " + new String(r.value()));
                        else commit(committed, new TopicPartition(r.topic(), r.partition()), r.offset(), new String(r.value()), doubled);
                    }
                }
                consumer.close();
            } catch (Throwable e) {
                failure = e;
            }
        }
    }

    // A member in a process of its own, to be killed: `Suite member bootstrap topic group pid-of-the-suite`. It tells what it owns (`o partition...`), what
    // it has committed (`c partition offset value`), and after a line on its standard input it takes records, says `holding`, and goes
    // no further, so that it is killed with records in hand that it has not committed.
    static final class Remote {
        final Process process;
        final Set<TopicPartition> owned = ConcurrentHashMap.newKeySet();
        final CountDownLatch holding = new CountDownLatch(1);
        final List<String> doubled = Collections.synchronizedList(new ArrayList<>());

        Remote(String topic, String group, Map<TopicPartition, TreeMap<Long, String>> committed) throws Exception {
            process = new ProcessBuilder(System.getProperty("java.home") + "/bin/java", "-Xmx256M", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                "-Dlog4j2.configurationFile=" + System.getProperty("log4j2.configurationFile"), "-cp", System.getProperty("java.class.path"),
                "Suite", "member", bootstrap, topic, group, "" + ProcessHandle.current().pid()).redirectError(ProcessBuilder.Redirect.INHERIT).start();
            Thread reader = new Thread(() -> process.inputReader().lines().forEach(line -> {
                String[] f = line.split(" ");
                if (f[0].equals("holding")) holding.countDown();
                if (f[0].equals("o")) {
                    Set<TopicPartition> now = Arrays.stream(f).skip(1).map(p -> new TopicPartition(topic, Integer.parseInt(p))).collect(Collectors.toSet());
                    owned.retainAll(now);
                    owned.addAll(now);
                }
                if (f[0].equals("c")) commit(committed, new TopicPartition(topic, Integer.parseInt(f[1])), Long.parseLong(f[2]), f[3], doubled);
            }));
            reader.setDaemon(true);
            reader.start();
        }

        void hold() throws Exception {
            process.getOutputStream().write('\n');
            process.getOutputStream().flush();
        }

        static void main(String topic, String group, long suite) throws Exception {
            // It never outlives the suite, however that ends.
            ProcessHandle.of(suite).map(ProcessHandle::onExit).orElseGet(() -> CompletableFuture.completedFuture(null)).thenRun(() -> Runtime.getRuntime().halt(1));
            Member m = new Member(topic, group, null);
            Set<TopicPartition> told = null;
            for (boolean asked = false; m.isAlive() && m.holding.getCount() > 0; Thread.sleep(10)) {
                Set<TopicPartition> now = Set.copyOf(m.owned);
                if (!now.equals(told)) System.out.println(now.stream().map(tp -> " " + tp.partition()).collect(Collectors.joining("", "o", "")));
                told = now;
                if (!asked && System.in.available() > 0) m.hold = asked = System.in.read() == '\n';
            }
            System.out.println(m.failure == null ? "holding" : "failed " + m.failure);
            Thread.sleep(60_000);
        }
    }

    // Records are counted when their commit has succeeded; one that is counted twice is noted.
    static void commit(Map<TopicPartition, TreeMap<Long, String>> committed, TopicPartition tp, long offset, String value, List<String> doubled) {
        synchronized (committed) {
            if (committed.computeIfAbsent(tp, k -> new TreeMap<>()).put(offset, value) != null) doubled.add(tp + "@" + offset);
        }
    }

    static int total(Map<TopicPartition, TreeMap<Long, String>> committed) {
        synchronized (committed) { return committed.values().stream().mapToInt(Map::size).sum(); }
    }

    static void produceSome(String topic, int partitions, int from, int to) throws Exception {
        try (KafkaProducer<byte[], byte[]> p = producer("linger.ms", "5")) {
            for (int i = from; i < to; i++) p.send(new ProducerRecord<>(topic, i % partitions, null, bytes("v" + i)));
        }
    }

    @SafeVarargs
    static boolean balanced(int partitions, Set<TopicPartition>... members) {
        Set<TopicPartition> all = new HashSet<>();
        int sum = 0;
        for (Set<TopicPartition> owned : members) {
            if (owned.size() < partitions / members.length || owned.size() > (partitions + members.length - 1) / members.length) return false;
            all.addAll(owned);
            sum += owned.size();
        }
        return sum == partitions && all.size() == partitions;
    }

    static void cooperativeGroup() throws Exception {
        int partitions = 6;
        create("java-group", partitions);
        Map<TopicPartition, TreeMap<Long, String>> committed = new HashMap<>();
        produceSome("java-group", partitions, 0, 3000);
        Remote b = new Remote("java-group", "java-coop", committed);
        Member a = new Member("java-group", "java-coop", committed), c = new Member("java-group", "java-coop", committed);
        until(30, "three members share six partitions", () -> balanced(partitions, a.owned, b.owned, c.owned));
        until(30, "3000 records are read", () -> total(committed) == 3000);

        ConsumerGroupDescription group = get(admin.describeConsumerGroups(List.of("java-coop")).all()).get("java-coop");
        same(group.partitionAssignor(), "cooperative-sticky", "assignor");
        same(group.groupState(), GroupState.STABLE, "state");
        same(group.type(), GroupType.CLASSIC, "type");
        same(group.coordinator().id(), 1, "coordinator");
        same(group.members().stream().map(m -> m.assignment().topicPartitions().size()).toList(), List.of(2, 2, 2), "assignment as described");
        same(group.members().stream().flatMap(m -> m.assignment().topicPartitions().stream()).collect(Collectors.toSet()).size(), partitions, "each once");

        // One leaves: what the others have stays with them, and its own goes to them at once, without waiting for a session's end.
        Set<TopicPartition> keptA = Set.copyOf(a.owned), keptB = Set.copyOf(b.owned);
        int revokedBefore = a.revoked.get();
        long start = System.nanoTime();
        c.leave = true;
        produceSome("java-group", partitions, 3000, 6000);
        until(30, "two members share six partitions", () -> balanced(partitions, a.owned, b.owned));
        that(System.nanoTime() - start < 5_000_000_000L, "leaving took a session timeout");
        that(a.owned.containsAll(keptA) && b.owned.containsAll(keptB), "the sticky assignor keeps partitions");
        same(a.revoked.get(), revokedBefore, "partitions revoked of one who stays");
        until(30, "6000 records are read", () -> total(committed) == 6000);

        // One crashes: its partitions come back after its session, and what it had not committed is read by the other.
        b.hold();
        Thread.sleep(100);
        produceSome("java-group", partitions, 6000, 9000);
        that(b.holding.await(10, TimeUnit.SECONDS), "the member to be killed holds records");
        b.process.destroyForcibly().waitFor();
        that(b.owned.stream().mapToInt(tp -> { synchronized (committed) { return committed.get(tp).size(); } }).min().getAsInt() < 1500, "it had all committed");
        until(30, "one member has all", () -> balanced(partitions, a.owned));
        until(30, "9000 records are read", () -> total(committed) == 9000);

        // And one more comes.
        Member d = new Member("java-group", "java-coop", committed);
        until(30, "a newcomer gets its half", () -> balanced(partitions, a.owned, d.owned));
        produceSome("java-group", partitions, 9000, 9600);
        until(30, "9600 records are read", () -> total(committed) == 9600);
        a.leave = d.leave = true;
        for (Member m : List.of(a, c, d)) { m.join(10_000); same(m.failure, null, "failure"); that(!m.isAlive(), "a member did not end"); }
        for (List<String> doubled : List.of(a.doubled, b.doubled, c.doubled, d.doubled)) same(doubled, List.of(), "records committed twice");
        Map<TopicPartition, OffsetAndMetadata> offsets = get(admin.listConsumerGroupOffsets("java-coop").partitionsToOffsetAndMetadata());
        for (int p = 0; p < partitions; p++) {
            TopicPartition tp = new TopicPartition("java-group", p);
            same(offsets.get(tp).offset(), 1600L, "committed offset of partition " + p);
            int partition = p;
            same(List.copyOf(committed.get(tp).values()), IntStream.range(0, 9600).filter(i -> i % partitions == partition).mapToObj(i -> "v" + i).toList(), "values of " + p);
        }
        until(10, "the group is empty", () -> {
            try { return get(admin.describeConsumerGroups(List.of("java-coop")).all()).get("java-coop").groupState() == GroupState.EMPTY; } catch (Exception e) { return false; }
        });
    }

    static void staticMembers() throws Exception {
        create("java-static", 4);
        produceSome("java-static", 4, 0, 400);
        Map<TopicPartition, TreeMap<Long, String>> committed = new HashMap<>();
        Member a = new Member("java-static", "java-statics", committed, "group.instance.id", "one");
        Member b = new Member("java-static", "java-statics", committed, "group.instance.id", "two");
        until(30, "two static members share", () -> balanced(4, a.owned, b.owned));
        until(30, "400 records are read", () -> total(committed) == 400);
        Set<TopicPartition> ofB = Set.copyOf(b.owned), ofA = Set.copyOf(a.owned);
        int revoked = a.revoked.get();
        // A static member that closes says nothing; the next of its name gets the same partitions, and the other sees no rebalance.
        b.leave = true;
        b.join(10_000);
        Member again = new Member("java-static", "java-statics", committed, "group.instance.id", "two");
        until(30, "the same partitions again", () -> again.owned.equals(ofB));
        same(a.owned, ofA, "the other's partitions");
        same(a.revoked.get(), revoked, "the other's revocations");
        // Two of one name: the older is fenced.
        Member twin = new Member("java-static", "java-statics", committed, "group.instance.id", "two");
        until(30, "the older is fenced", () -> again.failure != null);
        that(again.failure instanceof FencedInstanceIdException, "got " + again.failure);
        until(30, "the twin has them", () -> twin.owned.equals(ofB));
        produceSome("java-static", 4, 400, 500);
        until(30, "500 records are read", () -> total(committed) == 500);
        ClassicGroupDescription group = get(admin.describeClassicGroups(List.of("java-statics")).all()).get("java-statics");
        same(group.protocol(), "consumer", "protocol");
        same(group.protocolData(), "cooperative-sticky", "protocol data");
        same(group.state(), ClassicGroupState.STABLE, "state");
        same(group.members().stream().map(m -> m.groupInstanceId().orElse("?")).sorted().toList(), List.of("one", "two"), "instances");
        a.leave = twin.leave = true;
        a.join(10_000);
        twin.join(10_000);
        // By the admin client they leave at once.
        get(admin.removeMembersFromConsumerGroup("java-statics", new RemoveMembersFromConsumerGroupOptions(List.of(new MemberToRemove("one"), new MemberToRemove("two")))).all());
        same(get(admin.describeConsumerGroups(List.of("java-statics")).all()).get("java-statics").groupState(), GroupState.EMPTY, "state after removal");
        again.consumer.close(CloseOptions.timeout(Duration.ofSeconds(1)));
    }

    static void commits() throws Exception {
        create("java-commit", 1);
        TopicPartition tp = new TopicPartition("java-commit", 0);
        produceSome("java-commit", 1, 0, 10);
        try (KafkaConsumer<byte[], byte[]> c = consumer("group.id", "java-commits")) {
            c.assign(List.of(tp));
            same(c.committed(Set.of(tp)).get(tp), null, "nothing is committed at first");
            c.commitSync(Map.of(tp, new OffsetAndMetadata(4, Optional.of(0), "a note ✓")));
            same(c.committed(Set.of(tp)).get(tp), new OffsetAndMetadata(4, Optional.of(0), "a note ✓"), "what was committed");
            try {
                c.commitSync(Map.of(tp, new OffsetAndMetadata(5, "x".repeat(5000))));
                throw new AssertionError("metadata of 5000 bytes was taken");
            } catch (OffsetMetadataTooLarge e) { /* as it should be */ }
        }
        try (KafkaConsumer<byte[], byte[]> c = consumer("group.id", "java-commits")) {
            c.assign(List.of(tp));
            ConsumerRecords<byte[], byte[]> records = ConsumerRecords.empty();
            for (int i = 0; i < 100 && records.isEmpty(); i++) records = c.poll(Duration.ofMillis(100));
            same(records.iterator().next().offset(), 4L, "the next of the group goes on there");
        }
    }

    static void groupAdmin() throws Exception {
        TopicPartition tp = new TopicPartition("java-commit", 0);
        get(admin.alterConsumerGroupOffsets("java-commits", Map.of(tp, new OffsetAndMetadata(7))).all());
        same(get(admin.listConsumerGroupOffsets("java-commits").partitionsToOffsetAndMetadata()).get(tp).offset(), 7L, "altered");
        Set<String> groups = get(admin.listGroups().all()).stream().filter(g -> g.type().orElse(null) == GroupType.CLASSIC).map(GroupListing::groupId)
            .filter(g -> g.startsWith("java-")).collect(Collectors.toCollection(TreeSet::new));
        same(groups, new TreeSet<>(Set.of("java-coop", "java-statics", "java-commits")), "groups");
        same(get(admin.listGroups(new ListGroupsOptions().withTypes(Set.of(GroupType.CLASSIC))).all()).stream().filter(g -> g.groupId().equals("java-coop")).findFirst().get().groupState(),
            Optional.of(GroupState.EMPTY), "state in the list");
        get(admin.deleteConsumerGroupOffsets("java-commits", Set.of(tp)).all());
        same(get(admin.listConsumerGroupOffsets("java-commits").partitionsToOffsetAndMetadata()), Map.of(), "no offset is left");
        get(admin.deleteConsumerGroups(List.of("java-coop")).all());
        fails(GroupIdNotFoundException.class, admin.deleteConsumerGroups(List.of("java-coop")).all());
        fails(GroupIdNotFoundException.class, admin.describeClassicGroups(List.of("java-coop")).all());
        try (KafkaConsumer<byte[], byte[]> c = consumer("group.id", "java-busy")) {
            c.subscribe(List.of("java-commit"));
            for (int i = 0; i < 200 && c.assignment().isEmpty(); i++) c.poll(Duration.ofMillis(50));
            same(c.assignment(), Set.of(tp), "assignment");
            fails(GroupNotEmptyException.class, admin.deleteConsumerGroups(List.of("java-busy")).all());
            c.commitSync(Map.of(tp, new OffsetAndMetadata(1)));
            fails(GroupSubscribedToTopicException.class, admin.deleteConsumerGroupOffsets("java-busy", Set.of(tp)).partitionResult(tp));
            fails(UnknownMemberIdException.class, admin.alterConsumerGroupOffsets("java-busy", Map.of(tp, new OffsetAndMetadata(0))).all());
            same(c.groupMetadata().groupId(), "java-busy", "group id");
        }
    }

    // --- the admin client

    static void createTopics() throws Exception {
        CreateTopicsResult dry = admin.createTopics(List.of(new NewTopic("java-dry", Optional.of(4), Optional.empty())), new CreateTopicsOptions().validateOnly(true));
        get(dry.all());
        that(!get(admin.listTopics().names()).contains("java-dry"), "validateOnly made a topic");
        CreateTopicsResult real = admin.createTopics(List.of(new NewTopic("java-real", Optional.of(3), Optional.empty()).configs(Map.of("retention.ms", "1000"))));
        same(get(real.numPartitions("java-real")), 3, "partitions");
        same(get(real.replicationFactor("java-real")), 1, "replication factor");
        same(get(real.config("java-real")).get("retention.ms").value(), "1000", "config");
        Uuid id = get(real.topicId("java-real"));
        TopicDescription d = get(admin.describeTopics(TopicCollection.ofTopicIds(List.of(id))).allTopicIds()).get(id);
        same(d.name(), "java-real", "described by id");
        same(d.isInternal(), false, "internal");
        same(d.partitions().stream().map(TopicPartitionInfo::partition).toList(), List.of(0, 1, 2), "partitions");
        same(d.partitions().get(0).leader().id(), 1, "leader");
        same(d.partitions().get(0).isr().stream().map(Node::id).toList(), List.of(1), "isr");
        fails(TopicExistsException.class, admin.createTopics(List.of(new NewTopic("java-real", 1, (short) 1))).all());
        fails(InvalidTopicException.class, admin.createTopics(List.of(new NewTopic("java real", 1, (short) 1))).all());
        fails(InvalidTopicException.class, admin.createTopics(List.of(new NewTopic("x".repeat(250), 1, (short) 1))).all());
        create("java_real.a", 1);
        fails(InvalidTopicException.class, admin.createTopics(List.of(new NewTopic("java.real_a", 1, (short) 1))).all());
        fails(InvalidReplicationFactorException.class, admin.createTopics(List.of(new NewTopic("java-e", 1, (short) 3))).all());
        fails(InvalidPartitionsException.class, admin.createTopics(List.of(new NewTopic("java-e", 0, (short) 1))).all());
        fails(InvalidReplicaAssignmentException.class, admin.createTopics(List.of(new NewTopic("java-e", Map.of(0, List.of(9))))).all());
        fails(InvalidConfigurationException.class, admin.createTopics(List.of(new NewTopic("java-e", 1, (short) 1).configs(Map.of("cleanup.policy", "shred")))).all());
        get(admin.createPartitions(Map.of("java-real", NewPartitions.increaseTo(5))).all());
        same(get(admin.describeTopics(List.of("java-real")).allTopicNames()).get("java-real").partitions().size(), 5, "more partitions");
        fails(InvalidPartitionsException.class, admin.createPartitions(Map.of("java-real", NewPartitions.increaseTo(5))).all());
        fails(UnknownTopicOrPartitionException.class, admin.createPartitions(Map.of("java-missing", NewPartitions.increaseTo(5))).all());
        get(admin.deleteTopics(TopicCollection.ofTopicIds(List.of(id))).all());
        fails(UnknownTopicIdException.class, admin.describeTopics(TopicCollection.ofTopicIds(List.of(id))).allTopicIds());
        fails(UnknownTopicOrPartitionException.class, admin.deleteTopics(List.of("java-real")).all());
        // Deleted and made again: the old records are gone.
        produceTo("java_real.a", "old");
        get(admin.deleteTopics(List.of("java_real.a")).all());
        create("java_real.a", 1);
        same(read(new TopicPartition("java_real.a", 0)).size(), 0, "records of the new topic");
        produceTo("java_real.a", "new");
        same(new String(read(new TopicPartition("java_real.a", 0)).get(0).value()), "new", "value");
    }

    static void produceTo(String topic, String value) throws Exception {
        try (KafkaProducer<byte[], byte[]> p = producer()) { get(p.send(new ProducerRecord<>(topic, bytes(value)))); }
    }

    // A topic is usable when its creation has been answered: a client with no retries that knows nothing of it does not see an error.
    static void usableAtOnce() throws Exception {
        for (int i = 0; i < 20; i++) {
            createOnly("java-now-" + i, 3);
            try (KafkaProducer<byte[], byte[]> p = producer("retries", "0", "enable.idempotence", "false")) {
                for (int q = 0; q < 3; q++) get(p.send(new ProducerRecord<>("java-now-" + i, q, null, bytes("x"))));
            }
        }
        get(admin.deleteTopics(IntStream.range(0, 20).mapToObj(i -> "java-now-" + i).toList()).all());
    }

    static void configs() throws Exception {
        create("java-config", 1, "retention.ms", "5000", "compression.type", "producer");
        ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, "java-config"), broker = new ConfigResource(ConfigResource.Type.BROKER, "1");
        Config c = get(admin.describeConfigs(List.of(topic), new DescribeConfigsOptions().includeSynonyms(true).includeDocumentation(true)).all()).get(topic);
        ConfigEntry e = c.get("retention.ms");
        same(e.value(), "5000", "value");
        same(e.source(), ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG, "source");
        same(e.type(), ConfigEntry.ConfigType.LONG, "type");
        same(e.isDefault(), false, "default");
        that(e.documentation() != null && !e.documentation().isEmpty(), "documentation");
        same(c.get("segment.bytes").source(), ConfigEntry.ConfigSource.DEFAULT_CONFIG, "source of a default");
        get(admin.incrementalAlterConfigs(Map.of(topic, List.of(
            new AlterConfigOp(new ConfigEntry("retention.ms", ""), AlterConfigOp.OpType.DELETE),
            new AlterConfigOp(new ConfigEntry("max.message.bytes", "2000"), AlterConfigOp.OpType.SET),
            new AlterConfigOp(new ConfigEntry("cleanup.policy", "compact"), AlterConfigOp.OpType.APPEND)))).all());
        c = get(admin.describeConfigs(List.of(topic)).all()).get(topic);
        same(c.get("retention.ms").value(), "604800000", "retention.ms");
        same(c.get("cleanup.policy").value(), "delete,compact", "appended");
        get(admin.incrementalAlterConfigs(Map.of(topic, List.of(new AlterConfigOp(new ConfigEntry("cleanup.policy", "compact"), AlterConfigOp.OpType.SUBTRACT)))).all());
        same(get(admin.describeConfigs(List.of(topic)).all()).get(topic).get("cleanup.policy").value(), "delete", "subtracted");
        // In force at once.
        try (KafkaProducer<byte[], byte[]> p = producer()) {
            fails(RecordTooLargeException.class, p.send(new ProducerRecord<>("java-config", new byte[3000])));
            get(admin.incrementalAlterConfigs(Map.of(topic, List.of(new AlterConfigOp(new ConfigEntry("max.message.bytes", "20000"), AlterConfigOp.OpType.SET)))).all());
            until(5, "a larger limit is in force", () -> {
                try { get(p.send(new ProducerRecord<>("java-config", new byte[3000]))); return true; } catch (Exception x) { return false; }
            });
        }
        // validateOnly changes nothing; a value that cannot be changes nothing.
        get(admin.incrementalAlterConfigs(Map.of(topic, List.of(new AlterConfigOp(new ConfigEntry("segment.ms", "77777"), AlterConfigOp.OpType.SET))), new AlterConfigsOptions().validateOnly(true)).all());
        fails(InvalidConfigurationException.class, admin.incrementalAlterConfigs(Map.of(topic, List.of(
            new AlterConfigOp(new ConfigEntry("segment.ms", "88888"), AlterConfigOp.OpType.SET), new AlterConfigOp(new ConfigEntry("retention.ms", "x"), AlterConfigOp.OpType.SET)))).all());
        same(get(admin.describeConfigs(List.of(topic)).all()).get(topic).get("segment.ms").value(), "604800000", "segment.ms");
        fails(UnknownTopicOrPartitionException.class, admin.describeConfigs(List.of(new ConfigResource(ConfigResource.Type.TOPIC, "java-missing"))).all());
        // The broker's.
        get(admin.incrementalAlterConfigs(Map.of(broker, List.of(new AlterConfigOp(new ConfigEntry("log.segment.bytes", "10485760"), AlterConfigOp.OpType.SET)))).all());
        until(5, "a dynamic broker config is the topic's default", () -> {
            try { return get(admin.describeConfigs(List.of(topic)).all()).get(topic).get("segment.bytes").value().equals("10485760"); } catch (Exception x) { return false; }
        });
        ConfigEntry b = get(admin.describeConfigs(List.of(broker)).all()).get(broker).get("log.segment.bytes");
        same(b.source(), ConfigEntry.ConfigSource.DYNAMIC_BROKER_CONFIG, "source");
        same(b.isReadOnly(), false, "read only");
        get(admin.incrementalAlterConfigs(Map.of(broker, List.of(new AlterConfigOp(new ConfigEntry("log.segment.bytes", ""), AlterConfigOp.OpType.DELETE)))).all());
        that(get(admin.describeConfigs(List.of(broker)).all()).get(broker).get("node.id").isReadOnly(), "node.id is read only");
        fails(InvalidRequestException.class, admin.incrementalAlterConfigs(Map.of(broker, List.of(new AlterConfigOp(new ConfigEntry("node.id", "5"), AlterConfigOp.OpType.SET)))).all());
        Collection<ConfigResource> all = get(admin.listConfigResources(Set.of(ConfigResource.Type.TOPIC), new ListConfigResourcesOptions()).all());
        that(all.contains(topic), "config resources " + all);
    }

    static void cluster() throws Exception {
        DescribeClusterResult c = admin.describeCluster();
        same(get(c.nodes()).stream().map(n -> n.id() + "@" + n.host() + ":" + n.port()).toList(), List.of("1@" + bootstrap), "nodes");
        same(get(c.controller()).id(), 1, "controller");
        same(get(c.clusterId()).length(), 22, "cluster id");
    }

    static void logDirs() throws Exception {
        Map<String, LogDirDescription> dirs = get(admin.describeLogDirs(List.of(1)).allDescriptions()).get(1);
        same(dirs.size(), 1, "directories");
        LogDirDescription d = dirs.values().iterator().next();
        same(d.error(), null, "error");
        that(d.totalBytes().getAsLong() > 0 && d.usableBytes().getAsLong() > 0, "room");
        ReplicaInfo r = d.replicaInfos().get(new TopicPartition("java-missing", 0));
        same(r, null, "an unknown partition");
        ReplicaInfo z = d.replicaInfos().get(new TopicPartition("java-large", 0));
        that(z.size() > 299_000 && z.size() < 310_000, "size " + z.size());
        same(z.offsetLag(), 0L, "lag");
        same(z.isFuture(), false, "future");
    }

    // A consumer that waits gets a record when it comes, and not before: the long poll.
    static void longPoll() throws Exception {
        create("java-poll", 1);
        TopicPartition tp = new TopicPartition("java-poll", 0);
        try (KafkaConsumer<byte[], byte[]> c = consumer("fetch.max.wait.ms", "20000"); KafkaProducer<byte[], byte[]> p = producer()) {
            c.assign(List.of(tp));
            c.seekToBeginning(List.of(tp));
            p.partitionsFor("java-poll");
            for (int i = 0; i < 5; i++) {
                same(c.poll(Duration.ofMillis(300)).count(), 0, "records before there are any");
                get(p.send(new ProducerRecord<>("java-poll", bytes("v" + i))));
                long start = System.nanoTime();
                ConsumerRecords<byte[], byte[]> records = c.poll(Duration.ofSeconds(10));
                same(records.count(), 1, "records");
                same(new String(records.iterator().next().value()), "v" + i, "value");
                that(System.nanoTime() - start < 3_000_000_000L, "it took " + (System.nanoTime() - start) / 1_000_000 + " ms");
            }
        }
    }

    public static void main(String[] args) throws Exception {
        if (args[0].equals("member")) {
            bootstrap = args[1];
            Remote.main(args[2], args[3], Long.parseLong(args[4]));
            return;
        }
        bootstrap = args[0];
        admin = Admin.create(settings("default.api.timeout.ms", "30000"));
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) check(codec + ": values, keys, headers, timestamps and order", () -> codec(codec));
        check("acks 0, 1 and all", Suite::acksLevels);
        check("LogAppendTime", Suite::logAppendTime);
        check("idempotent producer, three partitions, five in flight", Suite::idempotent);
        check("large records", Suite::largeRecords);
        check("records that are refused", Suite::timestampsRefused);
        check("unknown and illegal topics", Suite::unknownTopics);
        check("offsets by time, begin, end, seek", Suite::offsetsByTime);
        check("an offset out of range", Suite::outOfRange);
        check("long poll", Suite::longPoll);
        check("a cooperative group: join, leave, crash", Suite::cooperativeGroup);
        check("static members", Suite::staticMembers);
        check("commits", Suite::commits);
        check("groups by the admin client", Suite::groupAdmin);
        check("topics by the admin client", Suite::createTopics);
        if (!"1".equals(System.getenv("ORACLE"))) check("a topic can be used when its creation is answered", Suite::usableAtOnce); // more than Kafka promises
        check("configs by the admin client", Suite::configs);
        check("deleting records", Suite::deleteRecords);
        check("the cluster", Suite::cluster);
        check("log directories", Suite::logDirs);
        admin.close(Duration.ofSeconds(5));
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }
}
