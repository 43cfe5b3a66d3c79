// Builds record batches with Kafka's own classes, in every codec and kind. One line a batch: name, codec, base64.
// Run by batches.sh; read by protocol/tests/batches.rs, which builds the same records (change both together).

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.EndTransactionMarker;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;
import org.apache.kafka.common.record.internal.RecordBatch;

public class GoldenBatches {
    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static void print(String name, CompressionType codec, ByteBuffer buffer) {
        byte[] out = new byte[buffer.remaining()];
        buffer.get(out);
        System.out.println(name + " " + codec.name + " " + Base64.getEncoder().encodeToString(out));
    }

    static void batch(String name, CompressionType codec, TimestampType type, int count, int valueSize, boolean producer,
                      boolean transactional) {
        MemoryRecordsBuilder b = MemoryRecords.builder(ByteBuffer.allocate(1 << 20), RecordBatch.MAGIC_VALUE_V2,
            Compression.of(codec).build(), type, 1000L, 1700000005000L, producer ? 77L : -1L, (short) (producer ? 3 : -1),
            producer ? Integer.MAX_VALUE - 2 : -1, transactional, 9);
        for (int i = 0; i < count; i++) {
            byte[] key = i % 3 == 0 ? null : bytes("key-" + i);
            byte[] value = i % 4 == 1 ? null : bytes(("value-" + i + ";").repeat(valueSize));
            List<Header> headers = new ArrayList<>();
            if (i % 5 == 2) {
                headers.add(new RecordHeader("a", bytes("x" + i)));
                headers.add(new RecordHeader("a", null));
                headers.add(new RecordHeader("b\u00e9", new byte[0]));
                headers.add(new RecordHeader("a", bytes("again")));
            }
            long timestamp = 1700000000000L + (i % 7) * 1000L - i * 300L;
            b.appendWithOffset(1000L + i, timestamp, key, value, headers.toArray(new Header[0]));
        }
        print(name, codec, b.build().buffer());
    }

    public static void main(String[] args) {
        for (CompressionType codec : CompressionType.values()) {
            batch("one", codec, TimestampType.CREATE_TIME, 1, 1, false, false);
            batch("many", codec, TimestampType.CREATE_TIME, 200, 40, false, false);
            batch("append-time", codec, TimestampType.LOG_APPEND_TIME, 20, 3, false, false);
            batch("producer", codec, TimestampType.CREATE_TIME, 5, 2, true, false);
            batch("transactional", codec, TimestampType.CREATE_TIME, 5, 2, true, true);
        }
        for (ControlRecordType type : new ControlRecordType[] {ControlRecordType.COMMIT, ControlRecordType.ABORT})
            print(type == ControlRecordType.COMMIT ? "commit" : "abort", CompressionType.NONE,
                MemoryRecords.withEndTransactionMarker(1000L, 1700000000000L, 9, 77L, (short) 3, new EndTransactionMarker(type, 12))
                    .buffer());
    }
}
