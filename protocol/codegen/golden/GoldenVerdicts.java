// Puts good and damaged record batches through the checks of Kafka's produce path (ProduceRequest, UnifiedLog's analysis redone
// here, LogValidator) and prints what becomes of each: topic config, base64 of the batch, error name, records at fault, base64 of
// what would be appended. Run by batches.sh; read by protocol/tests/verdicts.rs.

import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;

import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.errors.CorruptRecordException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.InvalidRecordException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.requests.ProduceRequest;
import org.apache.kafka.common.utils.BufferSupplier;
import org.apache.kafka.common.utils.Crc32C;
import org.apache.kafka.common.utils.PrimitiveRef;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.storage.internals.log.AppendOrigin;
import org.apache.kafka.storage.internals.log.LogValidator;
import org.apache.kafka.storage.internals.log.RecordValidationException;

public class GoldenVerdicts {
    static final long NOW = 1_700_000_100_000L;
    static final int MAX_BYTES = 400;
    static final LogValidator.MetricsRecorder NO_METRICS = new LogValidator.MetricsRecorder() {
        public void recordInvalidMagic() { }
        public void recordInvalidOffset() { }
        public void recordInvalidSequence() { }
        public void recordInvalidChecksums() { }
        public void recordNoKeyCompactedTopic() { }
    };
    static final Time CLOCK = (Time) Proxy.newProxyInstance(Time.class.getClassLoader(), new Class<?>[] {Time.class},
        (proxy, method, args) -> method.getName().equals("milliseconds") ? NOW : 0L);

    static byte[] build(CompressionType codec, long producerId, boolean transactional, int count) {
        MemoryRecordsBuilder b = MemoryRecords.builder(ByteBuffer.allocate(1 << 16), RecordBatch.MAGIC_VALUE_V2,
            Compression.of(codec).build(), TimestampType.CREATE_TIME, 0L, -1L, producerId, (short) (producerId < 0 ? -1 : 2),
            producerId < 0 ? -1 : 5, transactional, RecordBatch.NO_PARTITION_LEADER_EPOCH);
        for (int i = 0; i < count; i++) {
            Header[] headers = i == 1 ? new Header[] {new RecordHeader("h", new byte[] {1}), new RecordHeader("h", null)} : new Header[0];
            byte[] key = i == 2 ? null : ("k" + i).getBytes(StandardCharsets.UTF_8);
            b.appendWithOffset(i, NOW - 60_000L * i, key, ("some value " + i).getBytes(StandardCharsets.UTF_8), headers);
        }
        ByteBuffer buffer = b.build().buffer();
        byte[] out = new byte[buffer.remaining()];
        buffer.get(out);
        return out;
    }

    static byte[] seal(byte[] batch) {
        if (batch.length >= 61)
            ByteBuffer.wrap(batch).putInt(17, (int) Crc32C.compute(batch, 21, batch.length - 21));
        return batch;
    }

    static byte[] sized(byte[] batch) {
        ByteBuffer.wrap(batch).putInt(8, batch.length - 12);
        return seal(batch);
    }

    // plain; compact: keys wanted; append: LogAppendTime; narrow: timestamps within a minute; gzip: recompressed; none: uncompressed
    static void judge(String config, byte[] bytes) {
        String verdict;
        String faults = "";
        String result = "";
        MemoryRecords records = MemoryRecords.readableRecords(ByteBuffer.wrap(bytes.clone()));
        try {
            ProduceRequest.validateRecords((short) 13, records);
            CompressionType source = CompressionType.NONE;
            int valid = 0;
            for (MutableRecordBatch batch : records.batches()) {
                if (batch.magic() >= 2 && batch.baseOffset() != 0)
                    throw new InvalidRecordException("base offset");
                if (batch.sizeInBytes() > MAX_BYTES)
                    throw new RecordTooLargeException("size");
                if (!batch.isValid())
                    throw new CorruptRecordException("crc");
                if (batch.compressionType() != CompressionType.NONE)
                    source = batch.compressionType();
                valid += batch.sizeInBytes();
            }
            if (valid != bytes.length)
                throw new IllegalStateException("left over");
            Compression target = config.equals("gzip") ? Compression.gzip().build()
                : config.equals("none") ? Compression.NONE : Compression.of(source).build();
            TimestampType type = config.equals("append") ? TimestampType.LOG_APPEND_TIME : TimestampType.CREATE_TIME;
            LogValidator validator = new LogValidator(records, new TopicPartition("t", 0), CLOCK, source, target,
                config.equals("compact"), RecordBatch.MAGIC_VALUE_V2, type, config.equals("narrow") ? 60_000L : Long.MAX_VALUE,
                3_600_000L, -1, AppendOrigin.CLIENT);
            LogValidator.ValidationResult out = validator.validateMessagesAndAssignOffsets(PrimitiveRef.ofLong(0), NO_METRICS,
                BufferSupplier.NO_CACHING);
            verdict = "NONE";
            ByteBuffer buffer = out.validatedRecords().buffer();
            byte[] appended = new byte[buffer.remaining()];
            buffer.get(appended);
            result = Base64.getEncoder().encodeToString(appended);
        } catch (RecordValidationException e) {
            verdict = Errors.forException(e.invalidException()).name();
            faults = e.recordErrors().stream().map(r -> Integer.toString(r.batchIndex)).collect(Collectors.joining(","));
        } catch (Throwable t) {
            verdict = Errors.forException(t).name();
        }
        System.out.println(String.join("\t", config, Base64.getEncoder().encodeToString(bytes), verdict, faults, result));
    }

    static void field(String config, byte[] good, int at, int size, long... values) {
        for (long value : values) {
            byte[] b = good.clone();
            for (int i = 0; i < size; i++)
                b[at + i] = (byte) (value >> 8 * (size - 1 - i));
            judge(config, seal(b));
        }
    }

    public static void main(String[] args) {
        Random random = new Random(20261124);
        for (CompressionType codec : CompressionType.values()) {
            byte[] good = build(codec, -1, false, 3);
            for (String config : List.of("plain", "compact", "append", "narrow", "gzip", "none"))
                for (byte[] b : List.of(good, build(codec, 9, false, 3), build(codec, 9, true, 2), build(codec, -1, false, 1)))
                    judge(config, b);
            for (int cut : new int[] {0, 1, 8, 11, 12, 13, 16, 17, 26, 60, 61, 62, good.length - 1})
                judge("plain", Arrays.copyOf(good, cut));
            judge("plain", build(codec, -1, false, 400));
            byte[] two = Arrays.copyOf(good, good.length * 2);
            System.arraycopy(good, 0, two, good.length, good.length);
            judge("plain", two);
            byte[] crc = good.clone();
            crc[17] ^= 1;
            judge("plain", crc);
            field("plain", good, 0, 8, 1, -1, Long.MAX_VALUE, Long.MIN_VALUE);
            field("plain", good, 8, 4, -1, 0, 10, 13, 14, 48, 49, 50, good.length - 13, good.length - 11, Integer.MAX_VALUE);
            field("plain", good, 16, 1, 0, 1, 3, 127, -1);
            for (int attributes = 0; attributes < 128; attributes++)
                field(attributes % 2 == 0 ? "plain" : "append", good, 21, 2, attributes);
            field("plain", good, 23, 4, -1, 0, 1, 3, 100, Integer.MAX_VALUE, Integer.MIN_VALUE);
            field("plain", good, 27, 8, -1, 0, NOW + 3_600_000L, NOW + 3_600_001L, Long.MAX_VALUE, Long.MIN_VALUE);
            field("plain", good, 35, 8, -1, 0, Long.MAX_VALUE);
            field("plain", good, 43, 8, 0, 9, -2, Long.MIN_VALUE);
            field("plain", good, 53, 4, 0, 5, -2);
            field("plain", good, 57, 4, -1, 0, 1, 2, 4, Integer.MAX_VALUE, Integer.MIN_VALUE);
            for (int count : new int[] {1, 2, 4, 5}) {
                byte[] b = good.clone();
                ByteBuffer.wrap(b).putInt(57, count).putInt(23, count - 1);
                judge("plain", seal(b));
            }
            for (int i = 0; i < 60; i++) {
                byte[] b = good.clone();
                int at = 61 + random.nextInt(b.length - 61);
                b[at] = i % 2 == 0 ? (byte) random.nextInt(256) : (byte) (b[at] ^ 1 << random.nextInt(8));
                judge(i % 3 == 0 ? "gzip" : "plain", seal(b));
            }
            for (int i = 0; i < 10; i++) {
                byte[] longer = Arrays.copyOf(good, good.length + 1 + i);
                judge("plain", sized(longer));
                judge("plain", sized(Arrays.copyOf(good, good.length - 1 - i)));
            }
        }
    }
}
