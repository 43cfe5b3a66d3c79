// Fills every message class of Kafka's jars with deterministic values, in every version, and prints what Kafka serialises.
// One line a frame: name, version, variant, base64. Run by dump.sh; read by protocol/tests/golden.rs.

import java.io.File;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.jar.JarFile;

import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.Field;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.record.internal.BaseRecords;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;

public class GoldenFrames {
    /** full: everything set. null: what may be null is. tail: like full, with empty and with extreme values. */
    static final String[] VARIANTS = {"full", "null", "tail"};

    static String variant;
    static int counter;

    public static void main(String[] args) throws Exception {
        Map<String, Class<?>> classes = new TreeMap<>();
        for (File file : new File(args[0]).listFiles()) {
            if (!file.getName().startsWith("kafka") || !file.getName().endsWith(".jar")) continue;
            try (JarFile jar = new JarFile(file)) {
                for (var entries = jar.entries(); entries.hasMoreElements(); ) {
                    String name = entries.nextElement().getName();
                    if (!name.matches("org/apache/kafka/.*(message|metadata|generated)/[A-Za-z]+\\.class")) continue;
                    if (name.endsWith("JsonConverter.class")) continue;
                    Class<?> c = Class.forName(name.replace('/', '.').substring(0, name.length() - 6));
                    if (!Message.class.isAssignableFrom(c) || c.isInterface()) continue;
                    String simple = c.getSimpleName();
                    if (simple.matches(".*(Request|Response|Header)Data")) simple = simple.substring(0, simple.length() - 4);
                    classes.put(simple, c);
                }
            }
        }
        for (var e : classes.entrySet()) {
            Message probe = (Message) e.getValue().getDeclaredConstructor().newInstance();
            for (short v = probe.lowestSupportedVersion(); v <= probe.highestSupportedVersion(); v++) {
                String before = null;
                for (String which : VARIANTS) {
                    variant = which;
                    counter = 0;
                    Message message = (Message) filled(e.getValue(), v);
                    ByteBufferAccessor bytes = MessageUtil.toByteBufferAccessor(message, v);
                    ByteBuffer buffer = bytes.buffer();
                    byte[] raw = new byte[buffer.remaining()];
                    buffer.get(raw);
                    String text = Base64.getEncoder().encodeToString(raw);
                    if (!text.equals(before)) System.out.println(e.getKey() + " " + v + " " + which + " " + text);
                    before = text;
                }
            }
        }
    }

    static Object filled(Class<?> c, short version) throws Exception {
        Object out = c.getDeclaredConstructor().newInstance();
        Map<String, Method> setters = new HashMap<>();
        for (Method m : c.getMethods()) {
            if (m.getName().startsWith("set") && m.getParameterCount() == 1 && !Modifier.isStatic(m.getModifiers())) {
                setters.put(m.getName().substring(3).toLowerCase(), m);
            }
        }
        Schema schema = ((Schema[]) c.getField("SCHEMAS").get(null))[version];
        for (BoundField bound : schema.fields()) {
            if (bound.def.type instanceof TaggedFields) {
                for (Field f : new TreeMap<>(((TaggedFields) bound.def.type).fields()).values()) set(out, setters, f, version);
            } else {
                set(out, setters, bound.def, version);
            }
        }
        return out;
    }

    static void set(Object out, Map<String, Method> setters, Field f, short version) throws Exception {
        Method setter = setters.get(f.name.replace("_", "").toLowerCase());
        if (setter == null) throw new IllegalStateException(out.getClass() + " has no setter for " + f.name);
        Object value;
        if (variant.equals("null") && f.type.isNullable()) {
            if (setter.getParameterTypes()[0].isPrimitive()) throw new IllegalStateException(f.name);
            value = null;
        } else {
            value = value(setter.getParameterTypes()[0], setter.getGenericParameterTypes()[0], f.type.toString(), version);
        }
        setter.invoke(out, value);
    }

    /** Every third value of the tail variant is an end of its range. */
    static long number(long min, long max) {
        counter++;
        if (variant.equals("tail")) {
            if (counter % 3 == 0) return min;
            if (counter % 3 == 1) return max;
        }
        return (counter * 7 + 1) % Math.min(max, 1_000_003);
    }

    static Object value(Class<?> c, Type generic, String kafkaType, short version) throws Exception {
        counter++;
        if (c == boolean.class) return !variant.equals("tail") || counter % 2 == 0;
        if (c == byte.class || c == Byte.class) return (byte) number(Byte.MIN_VALUE, Byte.MAX_VALUE);
        if (c == short.class || c == Short.class) return (short) number(Short.MIN_VALUE, Short.MAX_VALUE);
        if (c == int.class && kafkaType.equals("UINT16")) return (int) number(0, 65535);
        if (c == int.class || c == Integer.class) return (int) number(Integer.MIN_VALUE, Integer.MAX_VALUE);
        if (c == long.class && kafkaType.equals("UINT32")) return number(0, 4294967295L);
        if (c == long.class || c == Long.class) return number(Long.MIN_VALUE, Long.MAX_VALUE);
        if (c == double.class) return variant.equals("tail") ? Double.MIN_VALUE : counter + 0.25;
        if (c == Uuid.class) return new Uuid(number(Long.MIN_VALUE, Long.MAX_VALUE), counter);
        if (c == String.class) return text();
        if (c == byte[].class) return text().getBytes(StandardCharsets.UTF_8);
        if (c == ByteBuffer.class) return ByteBuffer.wrap(text().getBytes(StandardCharsets.UTF_8));
        if (c == BaseRecords.class) {
            return MemoryRecords.withRecords(Compression.NONE, new SimpleRecord(1_700_000_000_000L + counter, "k".getBytes(), text().getBytes()));
        }
        if (List.class.isAssignableFrom(c)) {
            Type of = ((ParameterizedType) generic).getActualTypeArguments()[0];
            Class<?> element = of instanceof ParameterizedType ? (Class<?>) ((ParameterizedType) of).getRawType() : (Class<?>) of;
            List<Object> list = new ArrayList<>();
            for (int n = count(); n > 0; n--) list.add(value(element, of, "", version));
            return list;
        }
        if (Collection.class.isAssignableFrom(c)) {
            Class<?> element = (Class<?>) ((ParameterizedType) c.getGenericSuperclass()).getActualTypeArguments()[0];
            @SuppressWarnings("unchecked")
            Collection<Object> all = (Collection<Object>) c.getDeclaredConstructor().newInstance();
            for (int n = count(); n > 0; n--) {
                if (!all.add(value(element, element, "", version))) throw new IllegalStateException("not added to " + c);
            }
            return all;
        }
        if (Message.class.isAssignableFrom(c)) return filled(c, version);
        throw new IllegalStateException("no value for " + c);
    }

    static int count() {
        counter++;
        return variant.equals("tail") ? counter % 3 : 2;
    }

    static String text() {
        counter++;
        if (!variant.equals("tail")) return "s" + counter;
        return switch (counter % 4) {
            case 0 -> "";
            case 1 -> "ü€😀" + counter;
            case 2 -> "x".repeat(130);
            default -> "t" + counter;
        };
    }
}
