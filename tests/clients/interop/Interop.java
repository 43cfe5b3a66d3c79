// Writes to a node, and tells all that a node has, so that two nodes on the same files can be compared.
//
// Always holds: `state` prints nothing that belongs to the process that serves it (ports, times of the run). Must never: take an
// answer that was not expected for a success; every command ends with an exit code.

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.PrintStream;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.message.*;
import org.apache.kafka.common.protocol.*;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.common.requests.*;
import org.apache.kafka.common.serialization.*;

public class Interop {
    static final String[] CODECS = {"none", "gzip", "snappy", "lz4", "zstd"};
    /** Within the last day, so that no default deletes it; fixed by the first command, for all later ones. */
    static long start;
    static String bootstrap;
    static Path directory;

    public static void main(String[] args) throws Exception {
        bootstrap = args[0];
        directory = Path.of(args[1]);
        Path begun = directory.resolve("begun");
        if (!Files.exists(begun)) Files.writeString(begun, Long.toString(System.currentTimeMillis() - 3_600_000));
        start = Long.parseLong(Files.readString(begun));
        // Several commands in one process: starting one takes longer than what it does.
        for (var rest = List.of(args).subList(2, args.length).iterator(); rest.hasNext(); ) {
            String command = rest.next();
            switch (command) {
                case "fill" -> fill();
                case "transactions" -> transactions();
                case "more" -> more(rest.next());
                case "state" -> state(Path.of(rest.next()));
                default -> throw new IllegalArgumentException(command);
            }
        }
    }

    static Map<String, Object> common() {
        Map<String, Object> c = new HashMap<>();
        c.put("bootstrap.servers", bootstrap);
        c.put("request.timeout.ms", 20000);
        c.put("default.api.timeout.ms", 30000);
        return c;
    }

    static KafkaProducer<byte[], byte[]> producer(String codec, Map<String, Object> over) {
        Map<String, Object> c = common();
        c.put("compression.type", codec);
        c.put("linger.ms", 20);
        c.put("batch.size", 32768);
        c.put("delivery.timeout.ms", 60000);
        c.put("key.serializer", ByteArraySerializer.class);
        c.put("value.serializer", ByteArraySerializer.class);
        c.putAll(over);
        return new KafkaProducer<>(c);
    }

    static byte[] bytes(String s) {
        return s == null ? null : s.getBytes(StandardCharsets.UTF_8);
    }

    /** Record i of a topic: a null key or value, an empty one, headers, one twice, one null, times that also go back. */
    static ProducerRecord<byte[], byte[]> record(String topic, int partition, int i, int size, String tag) {
        Random random = new Random(topic.hashCode() * 31L + partition * 7919L + i);
        byte[] value = new byte[size > 0 ? random.nextInt(size) : 0];
        for (int at = 0; at < value.length; at++) value[at] = (byte) ('a' + (random.nextInt(4) == 0 ? random.nextInt(26) : at % 7));
        boolean keyed = topic.equals("compacted");
        byte[] key = i % 5 == 3 && !keyed ? null : bytes("key-" + i % 50);
        if (i % 11 == 4) value = null;
        var record = new ProducerRecord<>(topic, partition, start + i * 200L - (i % 13 == 5 ? 1000 : 0), key, value);
        record.headers().add("tag", bytes(tag));
        if (i % 3 == 0) record.headers().add("twice", bytes("1")).add("twice", bytes("2")).add("null", null).add("", new byte[0]);
        return record;
    }

    static void send(String codec, String topic, int partitions, int from, int to, int size, String tag) throws Exception {
        try (var producer = producer(codec, Map.of("enable.idempotence", true, "acks", "all"))) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (int i = from; i < to; i++) sent.add(producer.send(record(topic, i % partitions, i, size, tag)));
            for (var s : sent) s.get(60, TimeUnit.SECONDS);
        }
    }

    static void fill() throws Exception {
        try (Admin admin = Admin.create(common())) {
            Map<String, String> small = Map.of("segment.bytes", "1048576", "retention.ms", "-1", "index.interval.bytes", "2048");
            List<NewTopic> topics = new ArrayList<>();
            topics.add(new NewTopic("plain", 3, (short) 1).configs(small));
            for (String codec : CODECS) topics.add(new NewTopic("codec-" + codec, 1, (short) 1).configs(small));
            topics.add(new NewTopic("compacted", 1, (short) 1).configs(Map.of("cleanup.policy", "compact")));
            topics.add(new NewTopic("append.time", 1, (short) 1).configs(Map.of("message.timestamp.type", "LogAppendTime")));
            topics.add(new NewTopic("cut", 2, (short) 1).configs(small));
            topics.add(new NewTopic("sequences", 1, (short) 1));
            topics.add(new NewTopic("empty-one_2", 2, (short) 1));
            topics.add(new NewTopic("gone", 2, (short) 1));
            admin.createTopics(topics).all().get();
        }
        send("none", "plain", 3, 0, 6000, 1600, "fill");
        for (String codec : CODECS) send(codec, "codec-" + codec, 1, 0, 1500, codec.equals("none") ? 3000 : 6000, "fill");
        send("gzip", "compacted", 1, 0, 200, 100, "fill");
        send("lz4", "append.time", 1, 0, 100, 100, "fill");
        send("none", "cut", 2, 0, 6000, 1200, "fill");
        send("none", "gone", 2, 0, 100, 100, "fill");
        try (Admin admin = Admin.create(common())) {
            admin.deleteTopics(List.of("gone")).all().get();
            admin.deleteRecords(Map.of(
                new TopicPartition("cut", 0), RecordsToDelete.beforeOffset(2345),
                new TopicPartition("cut", 1), RecordsToDelete.beforeOffset(-1))).all().get();
            admin.incrementalAlterConfigs(Map.of(new ConfigResource(ConfigResource.Type.TOPIC, "plain"),
                List.of(new AlterConfigOp(new ConfigEntry("max.message.bytes", "2000000"), AlterConfigOp.OpType.SET)))).all().get();
            admin.alterConsumerGroupOffsets("simple", Map.of(
                new TopicPartition("plain", 0), new OffsetAndMetadata(123, Optional.of(0), "by hand"),
                new TopicPartition("plain", 2), new OffsetAndMetadata(7))).all().get();
        }
        group("members", 500);
        int id = initProducerId();
        for (int i = 0; i < 6; i++) expect("sequence " + i, sequence(id, i), 0, i);
        Files.writeString(directory.resolve("sequence"), id + " 6");
    }

    /** A group with a member reads on from where it committed. */
    static void group(String group, int records) {
        Map<String, Object> c = common();
        c.put("group.id", group);
        c.put("auto.offset.reset", "earliest");
        c.put("enable.auto.commit", false);
        c.put("max.poll.records", 100);
        try (var consumer = new KafkaConsumer<>(c, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.subscribe(List.of("plain", "codec-zstd"));
            int seen = 0;
            long deadline = System.currentTimeMillis() + 30000;
            while (seen < records) {
                if (System.currentTimeMillis() > deadline) throw new IllegalStateException("the group read only " + seen + " records");
                seen += consumer.poll(Duration.ofMillis(500)).count();
            }
            consumer.commitSync();
        }
    }

    /** Transactions that commit and that abort, over several segments and partitions; offsets within one of them. */
    static void transactions() throws Exception {
        try (Admin admin = Admin.create(common())) {
            admin.createTopics(List.of(new NewTopic("transactions", 2, (short) 1)
                .configs(Map.of("segment.bytes", "1048576", "retention.ms", "-1")))).all().get();
        }
        for (int t = 0; t < 2; t++) {
            try (var producer = producer(CODECS[t], Map.of("transactional.id", "t" + t))) {
                producer.initTransactions();
                for (int round = 0; round < 6; round++) {
                    producer.beginTransaction();
                    for (int i = 0; i < 200; i++) producer.send(record("transactions", i % 2, i, 3000, t + " " + round));
                    producer.flush();
                    if (round == 4) commit(producer);
                    if (round % 3 == 1) producer.abortTransaction(); else producer.commitTransaction();
                }
            }
        }
        // A commit is answered before all markers are written.
        try (Admin admin = Admin.create(common())) {
            for (int partition = 0; partition < 2; partition++) {
                var latest = Map.of(new TopicPartition("transactions", partition), OffsetSpec.latest());
                long deadline = System.currentTimeMillis() + 30000;
                while (!end(admin, latest, IsolationLevel.READ_COMMITTED).equals(end(admin, latest, IsolationLevel.READ_UNCOMMITTED))) {
                    if (System.currentTimeMillis() > deadline) throw new IllegalStateException("a transaction stays open");
                    Thread.sleep(50);
                }
            }
        }
    }

    static Long end(Admin admin, Map<TopicPartition, OffsetSpec> of, IsolationLevel isolation) throws Exception {
        return admin.listOffsets(of, new ListOffsetsOptions(isolation)).all().get().values().iterator().next().offset();
    }

    static void commit(KafkaProducer<byte[], byte[]> producer) {
        Map<String, Object> c = common();
        c.put("group.id", "transactional");
        try (var consumer = new KafkaConsumer<>(c, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            var offsets = Map.of(new TopicPartition("plain", 1), new OffsetAndMetadata(77, "in a transaction"));
            producer.sendOffsetsToTransaction(offsets, consumer.groupMetadata());
        }
    }

    /** Everything goes on: every codec, the group, the idempotent producer with its sequence. */
    static void more(String tag) throws Exception {
        for (String codec : CODECS) send(codec, "codec-" + codec, 1, 5000, 5100, 2000, tag);
        send("snappy", "plain", 3, 7000, 7300, 1000, tag);
        send("none", "cut", 2, 7000, 7100, 1000, tag);
        send("none", "compacted", 1, 300, 320, 100, tag);
        send("none", "append.time", 1, 300, 320, 100, tag);
        group("members", 300);
        String[] known = Files.readString(directory.resolve("sequence")).split(" ");
        int id = Integer.parseInt(known[0]), next = Integer.parseInt(known[1]);
        // The log knows this producer: its last batch (a snapshot has no more) is a duplicate, what leaves a gap is refused, the next is taken.
        expect("a duplicate", sequence(id, next - 1), 0, next - 1);
        expect("a gap", sequence(id, next + 3), Errors.OUT_OF_ORDER_SEQUENCE_NUMBER.code(), -1);
        expect("the next one", sequence(id, next), 0, next);
        expect("and that again", sequence(id, next), 0, next);
        Files.writeString(directory.resolve("sequence"), id + " " + (next + 1));
    }

    static void expect(String what, long[] got, long error, long offset) {
        if (got[0] != error || got[1] != offset)
            throw new IllegalStateException(what + ": error " + got[0] + " offset " + got[1] + ", wanted " + error + " and " + offset);
    }

    static ByteBuffer call(AbstractRequest request) throws Exception {
        ApiKeys api = request.apiKey();
        try (Socket socket = new Socket(bootstrap.split(":")[0], Integer.parseInt(bootstrap.split(":")[1]))) {
            socket.setSoTimeout(20000);
            ByteBuffer body = request.serializeWithHeader(new RequestHeader(api, request.version(), "interop", 1));
            var out = new DataOutputStream(socket.getOutputStream());
            out.writeInt(body.remaining());
            out.write(body.array(), body.arrayOffset() + body.position(), body.remaining());
            out.flush();
            var in = new DataInputStream(socket.getInputStream());
            ByteBuffer answer = ByteBuffer.wrap(in.readNBytes(in.readInt()));
            ResponseHeader.parse(answer, api.responseHeaderVersion(request.version()));
            return answer;
        }
    }

    static int initProducerId() throws Exception {
        var data = new InitProducerIdRequestData().setTransactionalId(null).setTransactionTimeoutMs(60000);
        var answer = new InitProducerIdResponseData(new ByteBufferAccessor(call(new InitProducerIdRequest.Builder(data).build((short) 4))), (short) 4);
        if (answer.errorCode() != 0) throw new IllegalStateException("InitProducerId: " + answer.errorCode());
        return (int) answer.producerId();
    }

    /** One batch of one record with this sequence; the error code and the offset of the answer. */
    static long[] sequence(int producer, int sequence) throws Exception {
        var records = MemoryRecords.withIdempotentRecords(Compression.NONE, producer, (short) 0, sequence,
            new SimpleRecord(start + sequence, bytes("k"), bytes("sequence " + sequence)));
        var partition = new ProduceRequestData.PartitionProduceData().setIndex(0).setRecords(records);
        var topics = new ProduceRequestData.TopicProduceDataCollection();
        topics.add(new ProduceRequestData.TopicProduceData().setName("sequences").setPartitionData(List.of(partition)));
        var data = new ProduceRequestData().setAcks((short) -1).setTimeoutMs(20000).setTopicData(topics);
        var answer = new ProduceResponseData(new ByteBufferAccessor(call(new ProduceRequest(data, (short) 9))), (short) 9);
        var got = answer.responses().iterator().next().partitionResponses().get(0);
        return new long[] {got.errorCode(), got.baseOffset()};
    }

    /** All that a client can see, one fact a line. */
    static void state(Path to) throws Exception {
        try (var out = new PrintStream(Files.newOutputStream(to), false, StandardCharsets.UTF_8); Admin admin = Admin.create(common())) {
            out.println("cluster " + admin.describeCluster().clusterId().get());
            List<String> names = new ArrayList<>(new TreeSet<>(admin.listTopics().names().get()));
            List<TopicPartition> partitions = new ArrayList<>();
            Map<ConfigResource, Config> configs = new HashMap<>();
            List<ConfigResource> resources = new ArrayList<>();
            for (String name : names) resources.add(new ConfigResource(ConfigResource.Type.TOPIC, name));
            configs.putAll(admin.describeConfigs(resources).all().get());
            var described = admin.describeTopics(names).allTopicNames().get();
            for (String name : names) {
                var topic = described.get(name);
                var set = new TreeMap<String, String>();
                for (ConfigEntry e : configs.get(new ConfigResource(ConfigResource.Type.TOPIC, name)).entries())
                    if (e.source() == ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG) set.put(e.name(), e.value());
                out.println("topic " + name + " " + topic.topicId() + " " + topic.partitions().size() + " " + set);
                for (var p : topic.partitions()) partitions.add(new TopicPartition(name, p.partition()));
            }
            offsets(admin, out, "earliest", partitions, OffsetSpec.earliest());
            offsets(admin, out, "latest", partitions, OffsetSpec.latest());
            offsets(admin, out, "by time", partitions, OffsetSpec.forTimestamp(start + 150_000));
            offsets(admin, out, "max time", partitions, OffsetSpec.maxTimestamp());
            var groups = new TreeSet<String>();
            for (var listing : admin.listGroups().all().get()) groups.add(listing.groupId());
            for (String group : groups) {
                var at = new TreeMap<String, String>();
                admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get()
                    .forEach((tp, o) -> at.put(tp.toString(), o.offset() + " " + o.leaderEpoch() + " " + o.metadata()));
                out.println("group " + group + " " + at);
            }
            List<TopicPartition> ours = new ArrayList<>();
            for (TopicPartition tp : partitions) if (!tp.topic().startsWith("__")) ours.add(tp);
            var producers = admin.describeProducers(ours).all().get();
            for (TopicPartition tp : ours) {
                // Whether a producer is known whose every record was deleted depends in Apache Kafka on how it stopped.
                if (tp.equals(new TopicPartition("cut", 1))) continue;
                var lines = new TreeSet<String>();
                for (ProducerState p : producers.get(tp).activeProducers())
                    lines.add("producer " + tp + " " + p.producerId() + " " + p.producerEpoch() + " " + p.lastSequence() + " " + p.lastTimestamp()
                        + " " + p.currentTransactionStartOffset());
                lines.forEach(out::println);
            }
            records(out, ours, "read_uncommitted");
            ours.removeIf(tp -> !tp.topic().equals("transactions"));
            records(out, ours, "read_committed");
            if (out.checkError()) throw new IllegalStateException("the state could not be written");
        }
    }

    static void offsets(Admin admin, PrintStream out, String what, List<TopicPartition> partitions, OffsetSpec spec) throws Exception {
        Map<TopicPartition, OffsetSpec> asked = new HashMap<>();
        for (TopicPartition tp : partitions) if (!tp.topic().startsWith("__")) asked.put(tp, spec);
        var got = admin.listOffsets(asked).all().get();
        for (TopicPartition tp : partitions) {
            var o = got.get(tp);
            // The epoch of a record is its own, that of an end is the run's.
            boolean of = o != null && o.timestamp() >= 0;
            // Apache Kafka answers by what was deleted while its segment still lies there, see docs/COMPAT.md.
            if (spec instanceof OffsetSpec.TimestampSpec && tp.topic().equals("cut")) continue;
            if (o != null) out.println(what + " " + tp + " " + o.offset() + " " + o.timestamp() + (of ? " " + o.leaderEpoch() : ""));
        }
    }

    static void records(PrintStream out, List<TopicPartition> partitions, String isolation) throws Exception {
        Map<String, Object> c = common();
        c.put("isolation.level", isolation);
        c.put("max.poll.records", 5000);
        c.put("fetch.max.wait.ms", 100);
        try (var consumer = new KafkaConsumer<>(c, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            for (TopicPartition tp : partitions) {
                // One at a time: order is per partition, and the lines are then in order too.
                consumer.assign(List.of(tp));
                consumer.seekToBeginning(List.of(tp));
                long end = consumer.endOffsets(List.of(tp)).get(tp), count = 0;
                long deadline = System.currentTimeMillis() + 30000;
                while (consumer.position(tp) < end) {
                    if (System.currentTimeMillis() > deadline) throw new IllegalStateException(tp + " stands at " + consumer.position(tp) + " of " + end);
                    for (var r : consumer.poll(Duration.ofMillis(500)).records(tp)) {
                        count++;
                        out.println(line(tp, r));
                    }
                }
                out.println(isolation + " " + tp + " " + count + " records, end " + end);
            }
        }
    }

    static String line(TopicPartition tp, ConsumerRecord<byte[], byte[]> r) throws Exception {
        var headers = new StringBuilder();
        for (Header h : r.headers()) headers.append(h.key()).append('=').append(h.value() == null ? "null" : new String(h.value(), StandardCharsets.UTF_8)).append(',');
        String key = r.key() == null ? "null" : '"' + new String(r.key(), StandardCharsets.UTF_8) + '"';
        String value = r.value() == null ? "null"
            : r.value().length + ":" + HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(r.value()), 0, 8);
        return tp + " " + r.offset() + " " + r.timestampType() + " " + r.timestamp() + " " + r.leaderEpoch().orElse(-1) + " " + key + " " + headers + " " + value;
    }
}
