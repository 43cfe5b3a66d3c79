// Load on a cluster while its nodes come and go. Arguments: bootstrap, topic, then `produce` (idempotent, acks=all, until standard
// input ends) or `consume GROUP` (commits what it has read). Each acknowledged or read record is a line: partition, offset, value.
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.serialization.*;

public class Load {
    static final AtomicBoolean ended = new AtomicBoolean();

    public static void main(String[] args) throws Exception {
        Thread watch = new Thread(() -> {
            try { while (System.in.read() >= 0) { } } catch (Exception e) { }
            ended.set(true);
        });
        watch.setDaemon(true);
        watch.start();
        if (args[2].equals("produce")) produce(args[0], args[1]); else consume(args[0], args[1], args[3]);
    }

    static void produce(String bootstrap, String topic) throws Exception {
        Properties p = new Properties();
        p.put("bootstrap.servers", bootstrap);
        p.put("acks", "all");
        p.put("linger.ms", "2");
        p.put("delivery.timeout.ms", "120000");
        AtomicInteger failed = new AtomicInteger();
        Semaphore room = new Semaphore(200);
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(p, new StringSerializer(), new StringSerializer())) {
            int partitions = producer.partitionsFor(topic).size();
            for (int i = 0; !ended.get(); i++) {
                String value = "java-" + i;
                room.acquire();
                producer.send(new ProducerRecord<>(topic, i % partitions, null, value), (m, e) -> {
                    room.release();
                    if (e == null) System.out.println(m.partition() + " " + m.offset() + " " + value);
                    else { System.err.println(value + ": " + e); failed.incrementAndGet(); }
                });
                Thread.sleep(1);
            }
        }
        System.exit(failed.get() == 0 ? 0 : 1);
    }

    static void consume(String bootstrap, String topic, String group) {
        Properties p = new Properties();
        p.put("bootstrap.servers", bootstrap);
        p.put("group.id", group);
        p.put("auto.offset.reset", "earliest");
        p.put("enable.auto.commit", "false");
        p.put("session.timeout.ms", "10000");
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(p, new StringDeserializer(), new StringDeserializer())) {
            consumer.subscribe(List.of(topic));
            int quiet = 0;
            // After the end of the input: until nothing has come for two seconds.
            while (!ended.get() || quiet < 10) {
                ConsumerRecords<String, String> got = consumer.poll(Duration.ofMillis(200));
                quiet = got.isEmpty() ? quiet + 1 : 0;
                for (ConsumerRecord<String, String> r : got) System.out.println(r.partition() + " " + r.offset() + " " + r.value());
                try {
                    if (!got.isEmpty()) consumer.commitSync(Duration.ofSeconds(30));
                } catch (CommitFailedException e) {
                    System.err.println("commit: " + e);
                }
            }
        }
    }
}
