// Sets some configs on a running Kafka and prints how it describes all of them: type, resource, name, value, source, sensitive,
// read-only, config type, synonyms. described.tsv is its output against one node that was started with described.properties
// (DescribeAll.java BOOTSTRAP > described.tsv).

import org.apache.kafka.clients.admin.*;
import org.apache.kafka.common.config.ConfigResource;
import java.util.*;
import java.util.stream.*;
public class DescribeAll {
    static ConfigResource r(ConfigResource.Type t, String n){return new ConfigResource(t,n);}
    static AlterConfigOp set(String k,String v){return new AlterConfigOp(new ConfigEntry(k,v),AlterConfigOp.OpType.SET);}
    public static void main(String[] a) throws Exception {
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", a[0]))) {
      admin.createTopics(List.of(new NewTopic("t",1,(short)1).configs(Map.of("cleanup.policy","compact, delete","retention.ms","1000","segment.bytes"," 2097152 ","min.cleanable.dirty.ratio","0.25")))).all().get();
      Map<ConfigResource,Collection<AlterConfigOp>> ops=new HashMap<>();
      ops.put(r(ConfigResource.Type.BROKER,"1"),List.of(set("log.segment.bytes","3000000"),set("log.cleaner.threads","2"),set("listener.name.plaintext.max.connections","99")));
      ops.put(r(ConfigResource.Type.BROKER,""),List.of(set("log.retention.ms","90000000"),set("log.segment.bytes","4000000"),set("leader.replication.throttled.rate","5000"),set("message.max.bytes","3000000")));
      ops.put(r(ConfigResource.Type.GROUP,"g"),List.of(set("consumer.session.timeout.ms","50000")));
      ops.put(r(ConfigResource.Type.CLIENT_METRICS,"m"),List.of(set("metrics","a, b"),set("interval.ms","1000")));
      admin.incrementalAlterConfigs(ops).all().get();
      Thread.sleep(1500);
      for (ConfigResource res : List.of(r(ConfigResource.Type.TOPIC,"t"),r(ConfigResource.Type.BROKER,"1"),r(ConfigResource.Type.BROKER,""),r(ConfigResource.Type.GROUP,"g"),r(ConfigResource.Type.CLIENT_METRICS,"m"))) {
        Config c = admin.describeConfigs(List.of(res), new DescribeConfigsOptions().includeSynonyms(true).includeDocumentation(true)).all().get().get(res);
        for (ConfigEntry e : c.entries().stream().sorted(Comparator.comparing(ConfigEntry::name)).collect(Collectors.toList()))
          System.out.println(String.join("\t", res.type().name(), res.name(), e.name(), e.value()==null?"<null>":"="+e.value(), e.source().name(), String.valueOf(e.isSensitive()), String.valueOf(e.isReadOnly()), e.type().name(), e.synonyms().stream().map(s->s.name()+"="+s.value()+"@"+s.source().name()).collect(Collectors.joining(";"))));
      }
    }
  }
}
