// What consumers hear of an unclean election. Arguments: bootstrap, topic (of one partition). Two consumers read it from its beginning
// until standard input ends, one with auto.offset.reset=none, one with `earliest`. A line each: `none OFFSET` or `earliest OFFSET` for a
// record, `none truncated from POSITION to OFFSET` when it was told that its log has parted from what it had read; it then ends.
import java.time.Duration;
import java.util.*;
import java.util.concurrent.atomic.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.*;

public class Truncated {
    static final AtomicBoolean ended = new AtomicBoolean();

    public static void main(String[] args) throws Exception {
        Thread watch = new Thread(() -> {
            try { while (System.in.read() >= 0) { } } catch (Exception e) { }
            ended.set(true);
        });
        watch.setDaemon(true);
        watch.start();
        List<Thread> readers = new ArrayList<>();
        for (String reset : List.of("none", "earliest")) {
            Thread reader = new Thread(() -> read(args[0], new TopicPartition(args[1], 0), reset));
            reader.start();
            readers.add(reader);
        }
        for (Thread reader : readers) reader.join();
    }

    static void read(String bootstrap, TopicPartition partition, String reset) {
        Properties p = new Properties();
        p.put("bootstrap.servers", bootstrap);
        p.put("auto.offset.reset", reset);
        p.put("enable.auto.commit", "false");
        p.put("metadata.max.age.ms", "1000");
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(p, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.assign(List.of(partition));
            consumer.seek(partition, 0);
            while (!ended.get()) {
                for (ConsumerRecord<byte[], byte[]> r : consumer.poll(Duration.ofMillis(200))) System.out.println(reset + " " + r.offset());
            }
        } catch (LogTruncationException e) {
            OffsetAndMetadata parted = e.divergentOffsets().get(partition);
            System.out.println(reset + " truncated from " + e.offsetOutOfRangePartitions().get(partition) + " to " + (parted == null ? "?" : parted.offset()));
        } catch (RuntimeException e) {
            System.out.println(reset + " failed: " + e);
        }
    }
}
