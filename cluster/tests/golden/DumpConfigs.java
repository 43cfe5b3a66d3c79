// Prints what Kafka's own classes know of configs. Run by dump.sh; read by cluster/tests/configs.rs.
// `configs`: one line a config with its facts (no documentation). `values`: which values of each config Kafka takes, and how it
// writes them back.

import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.coordinator.group.GroupConfig;
import org.apache.kafka.server.config.AbstractKafkaConfig;
import org.apache.kafka.server.config.DynamicBrokerConfig;
import org.apache.kafka.server.config.QuotaConfig;
import org.apache.kafka.server.config.ServerTopicConfigSynonyms;
import org.apache.kafka.server.metrics.ClientMetricsConfigs;
import org.apache.kafka.storage.internals.log.LogConfig;

public class DumpConfigs {
    static final List<String> VALUES = List.of("", " ", "0", "1", "-1", "-2", "9", "10", "17", "18", "+5", " 7 ", "1.5", "0.5", "1e3",
        "1048575", "1048576", "2147483647", "2147483648", "32767", "32768", "-131073", "9223372036854775807", "9223372036854775808",
        "12345678.5", "true", "TRUE", "yes", "false ", "delete", "compact,delete", "compact, delete ", "delete,delete", "delete,",
        ",", "gzip", "GZIP", "uncompressed", "none", "producer", "CreateTime", "createtime", "LogAppendTime", "*", "0:1,1:2", "0:1,x",
        "0:1,,2:3", "latest", "earliest", "by_duration:PT1H", "by_duration:P1DT2.5S", "by_duration:", "by_duration:PT", "none:PT1H",
        "1@localhost:9093", "localhost:9093", "localhost", "read_committed", "broker,controller", "broker,other", "UPGRADE", "upgrade",
        "SSL", "consumer,classic", "required", "es256", "a.b.C");

    static ConfigDef field(Class<?> in, String name) throws Exception {
        Field f = in.getDeclaredField(name);
        f.setAccessible(true);
        return (ConfigDef) f.get(null);
    }

    static void configs(String kind, ConfigDef def) {
        Map<String, String> modes = DynamicBrokerConfig.dynamicConfigUpdateModes();
        for (ConfigDef.ConfigKey k : new TreeMap<>(def.configKeys()).values()) {
            String value = !k.hasDefault() ? "<required>" : k.defaultValue == null ? "<null>"
                : "=" + ConfigDef.convertToString(k.defaultValue, k.type);
            String mode = !kind.equals("broker") ? "" : QuotaConfig.brokerQuotaConfigs().names().contains(k.name) ? "cluster-wide"
                : modes.getOrDefault(k.name, "read-only");
            String check = k.validator == null ? "" : k.validator.toString();
            System.out.println(String.join("\t", kind, k.name, k.type.name(), value, check, k.importance.name(), mode,
                k.internalConfig ? "internal" : "public",
                kind.equals("topic") ? ServerTopicConfigSynonyms.TOPIC_CONFIG_SYNONYMS.getOrDefault(k.name, "") : ""));
        }
    }

    // Configs that take the same values share a line: the configs, then number of value and what Kafka makes of it for each taken.
    static void values(String kind, ConfigDef def, Map<String, List<String>> rows) {
        for (ConfigDef.ConfigKey k : new TreeMap<>(def.configKeys()).values()) {
            StringBuilder row = new StringBuilder();
            for (int i = 0; i < VALUES.size(); i++) {
                try {
                    Object parsed = ConfigDef.parseType(k.name, VALUES.get(i), k.type);
                    // As ConfigDef.parse does before it checks.
                    if (k.validator instanceof ConfigDef.ValidList && parsed instanceof List<?> list)
                        parsed = list.stream().distinct().toList();
                    if (k.validator != null)
                        k.validator.ensureValid(k.name, parsed);
                    row.append("\t").append(i).append("=").append(ConfigDef.convertToString(parsed, k.type));
                } catch (Exception e) {
                    continue;
                }
            }
            rows.computeIfAbsent(row.toString(), r -> new ArrayList<>()).add(kind + ":" + k.name);
        }
    }

    public static void main(String[] args) throws Exception {
        ConfigDef broker = new ConfigDef(AbstractKafkaConfig.CONFIG_DEF);
        QuotaConfig.brokerQuotaConfigs().configKeys().forEach((n, k) -> broker.define(k));
        Map<String, ConfigDef> all = new TreeMap<>(Map.of("broker", broker, "topic", field(LogConfig.class, "CONFIG"), "group",
            GroupConfig.CONFIG_DEF, "client-metrics", field(ClientMetricsConfigs.class, "CONFIG")));
        Map<String, List<String>> rows = new TreeMap<>();
        for (Map.Entry<String, ConfigDef> e : all.entrySet()) {
            if (args[0].equals("configs"))
                configs(e.getKey(), e.getValue());
            else
                values(e.getKey(), e.getValue(), rows);
        }
        if (args[0].equals("values"))
            System.out.println(String.join("\t", VALUES));
        rows.forEach((row, names) -> System.out.println(String.join(" ", names) + row));
    }
}
