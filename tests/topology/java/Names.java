// Prints what Kafka Streams 4.2.0 names the nodes of small topologies; its output is golden/names.txt. Run by hand:
//
//   javac -cp "$KAFKA/libs/*" Names.java && java -cp "$KAFKA/libs/*:." Names > ../golden/names.txt
//
// `names_test.cpp` builds the same topologies under the same titles.
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.processor.api.*;
import org.apache.kafka.streams.state.*;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.common.utils.Bytes;
import java.util.*;
import java.util.function.*;

public class Names {
  static Serde<String> S = Serdes.String(); static Serde<Long> L = Serdes.Long();
  static void show(String name, Consumer<StreamsBuilder> f) {
    System.out.println("##### " + name);
    try {
      StreamsBuilder b = new StreamsBuilder();
      f.accept(b);
      System.out.println(b.build().describe());
    } catch (Throwable t) { System.out.println(t); }
  }
  public static void main(String[] a) {
    show("table named consumed", b -> b.table("t", Consumed.with(S, S).withName("x")).toStream().to("o"));
    show("table named consumed + mat", b -> b.table("t", Consumed.with(S, S).withName("x"), Materialized.as("st")).toStream().to("o"));
    show("global named consumed", b -> { b.globalTable("t", Consumed.with(S, S).withName("x")); b.stream("in").to("o");});
    show("table+stream same topic", b -> { b.table("t", Consumed.with(S, S), Materialized.as("st")); b.stream("t", Consumed.with(S,S)).to("o"); });
    show("stream+table same topic", b -> { b.stream("t", Consumed.with(S,S)).to("o"); b.table("t", Consumed.with(S, S), Materialized.as("st")).toStream().to("p"); });
    show("table twice", b -> { b.table("t", Consumed.with(S, S), Materialized.as("st")).toStream().to("o"); b.table("t", Consumed.with(S, S), Materialized.as("st2")).toStream().to("p"); });
    show("overlap", b -> { b.stream(List.of("a","b"), Consumed.with(S,S)).to("o"); b.stream("a", Consumed.with(S, S)).to("p"); });
    show("pattern overlap", b -> { b.stream(java.util.regex.Pattern.compile("a.*"), Consumed.with(S,S)).to("o"); b.stream("a", Consumed.with(S, S)).to("p"); });
    show("reset differs", b -> { b.stream("a", Consumed.with(S,S).withOffsetResetPolicy(org.apache.kafka.streams.AutoOffsetReset.latest())).to("o"); b.stream("a", Consumed.with(S, S)).to("p"); });
    show("extractor differs", b -> { b.stream("a", Consumed.with(S,S).withTimestampExtractor(new org.apache.kafka.streams.processor.WallclockTimestampExtractor())).to("o"); b.stream("a", Consumed.with(S, S)).to("p"); });
    show("stream twice named", b -> { b.stream("a", Consumed.with(S,S).withName("one")).to("o"); b.stream("a", Consumed.with(S, S).withName("two")).mapValues(v->v).to("p"); });
    show("count mat no name", b -> b.stream("in", Consumed.with(S,S)).groupByKey().count(Materialized.with(S, L)).toStream().to("o"));
    show("count named", b -> b.stream("in", Consumed.with(S,S)).groupByKey().count(Named.as("cn")).toStream().to("o"));
    show("count named + mat no name", b -> b.stream("in", Consumed.with(S,S)).groupByKey().count(Named.as("cn"), Materialized.with(S,L)).toStream().to("o"));
    show("reduce mat no name", b -> b.stream("in", Consumed.with(S,S)).groupByKey().reduce((x,y)->x, Materialized.with(S, S)).toStream().to("o"));
    show("aggregate mat no name", b -> b.stream("in", Consumed.with(S,S)).groupByKey().aggregate(()->"", (k,x,y)->x, Materialized.with(S, S)).toStream().to("o"));
    show("filter mat no name", b -> b.table("t", Consumed.with(S,S)).filter((k,v)->true, Materialized.with(S, S)).toStream().to("o"));
    show("filter named mat no name", b -> b.table("t", Consumed.with(S,S)).filter((k,v)->true, Named.as("f"), Materialized.with(S, S)).toStream().to("o"));
    show("mapValues mat no name", b -> b.table("t", Consumed.with(S,S)).mapValues(v->v, Materialized.with(S, S)).toStream().to("o"));
    show("join", b -> b.table("t", Consumed.with(S,S)).join(b.table("u", Consumed.with(S,S)), (x,y)->x).toStream().to("o"));
    show("join mat no name", b -> b.table("t", Consumed.with(S,S)).join(b.table("u", Consumed.with(S,S)), (x,y)->x, Materialized.with(S, S)).toStream().to("o"));
    show("join mat name", b -> b.table("t", Consumed.with(S,S)).join(b.table("u", Consumed.with(S,S)), (x,y)->x, Materialized.<String,String,KeyValueStore<Bytes,byte[]>>as("j").withKeySerde(S).withValueSerde(S)).toStream().to("o"));
    show("join named mat name", b -> b.table("t", Consumed.with(S,S)).leftJoin(b.table("u", Consumed.with(S,S)), (x,y)->x, Named.as("nm"), Materialized.<String,String,KeyValueStore<Bytes,byte[]>>as("j").withKeySerde(S).withValueSerde(S)).toStream().to("o"));
    show("join of join", b -> b.table("t", Consumed.with(S,S)).join(b.table("u", Consumed.with(S,S)), (x,y)->x).join(b.table("w", Consumed.with(S,S)), (x,y)->x).toStream().to("o"));
    show("join of filter", b -> b.table("t", Consumed.with(S,S)).filter((k,v)->true).mapValues(v->v).leftJoin(b.table("w", Consumed.with(S,S)), (x,y)->x).toStream().to("o"));
    show("self join filtered", b -> { KTable<String,String> t = b.table("t", Consumed.with(S,S)); t.leftJoin(t.filter((k,v)->true), (x,y)->x).toStream().to("o"); });
    show("toTable mat no name", b -> b.stream("in", Consumed.with(S,S)).toTable(Materialized.with(S, S)).toStream().to("o"));
    show("toTable named", b -> b.stream("in", Consumed.with(S,S)).toTable(Named.as("tt")).toStream().to("o"));
    show("toTable named rekeyed", b -> b.stream("in", Consumed.with(S,S)).selectKey((k,v)->v).toTable(Named.as("tt")).toStream().to("o"));
    show("toTable rekeyed mat", b -> b.stream("in", Consumed.with(S,S)).selectKey((k,v)->v).toTable(Materialized.<String,String,KeyValueStore<Bytes,byte[]>>as("m").withKeySerde(S).withValueSerde(S)).toStream().to("o"));
    show("toTable joined", b -> b.stream("in", Consumed.with(S,S)).toTable().join(b.table("u", Consumed.with(S,S)), (x,y)->x).toStream().to("o"));
    show("table toStream mapper named", b -> b.table("t", Consumed.with(S,S)).toStream((k,v)->v, Named.as("n")).to("o"));
    show("global join named", b -> b.stream("in", Consumed.with(S,S)).join(b.globalTable("g", Consumed.with(S,S)), (k,v)->v, (x,y)->x, Named.as("gj")).to("o"));
    show("global join", b -> b.stream("in", Consumed.with(S,S)).join(b.globalTable("g", Consumed.with(S,S)), (k,v)->v, (x,y)->x).leftJoin(b.globalTable("g2", Consumed.with(S,S), Materialized.as("gs")), (k,v)->v, (x,y)->x).to("o"));
    show("stream table join named, not rekeyed", b -> b.stream("in", Consumed.with(S,S)).join(b.table("t", Consumed.with(S,S)), (x,y)->x, Joined.<String,String,String>as("jn")).to("o"));
    show("merge named, split named", b -> { var m = b.stream("in", Consumed.with(S,S)).merge(b.stream("in2", Consumed.with(S,S)), Named.as("mg")).split(Named.as("sp-")).branch((k,v)->true, Branched.as("a")).branch((k,v)->true).defaultBranch(Branched.as("d")); System.out.println(m.keySet()); m.get("sp-a").to("oa"); m.get("sp-d").to("od"); });
    show("split default unnamed", b -> { var m = b.stream("in", Consumed.with(S,S)).split().branch((k,v)->true).defaultBranch(); System.out.println(m.keySet()); });
    show("groupBy named", b -> b.stream("in", Consumed.with(S,S)).groupBy((k,v)->v, Grouped.as("gg")).count().toStream().to("o"));
    show("groupByKey shared repartition", b -> { var g = b.stream("in", Consumed.with(S,S)).selectKey((k,v)->v).groupByKey(Grouped.as("gg")); g.count().toStream().to("o"); g.reduce((x,y)->x).toStream().to("p"); });
    show("groupByKey generated shared", b -> { var g = b.stream("in", Consumed.with(S,S)).selectKey((k,v)->v).groupByKey(); g.count().toStream().to("o"); g.reduce((x,y)->x).toStream().to("p"); });
    show("repartition partitions", b -> b.stream("in", Consumed.with(S,S)).repartition(Repartitioned.numberOfPartitions(3)).to("o"));
    show("process stores", b -> { b.addStateStore(Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore("st"), S, S)); b.stream("in", Consumed.with(S,S)).process(() -> new ContextualProcessor<String,String,String,String>() { public void process(org.apache.kafka.streams.processor.api.Record<String,String> r) {} }, Named.as("pp"), "st").groupByKey(Grouped.with(S,S)).count().toStream().to("o"); });
    show("unused store", b -> { b.addStateStore(Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore("st"), S, S)); b.stream("in", Consumed.with(S,S)).to("o"); });
    show("two reps same name", b -> { var s = b.stream("in", Consumed.with(S,S)).selectKey((k,v)->v); s.groupByKey(Grouped.as("x")).count(); s.groupByKey(Grouped.as("x")).count(); });
    show("bad name", b -> b.stream("in", Consumed.with(S,S)).filter((k,v)->true, Named.as("a b")).to("o"));
    show("global store named consumed", b -> { b.addGlobalStore(Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore("gs"), S, S).withLoggingDisabled(), "g", Consumed.with(S, S).withName("x"), () -> new Processor<String,String,Void,Void>() { public void process(org.apache.kafka.streams.processor.api.Record<String,String> r) {} }); b.stream("in", Consumed.with(S,S)).to("o"); });
    show("grouped count twice, not rekeyed", b -> { var g = b.stream("in", Consumed.with(S,S)).groupByKey(Grouped.as("gg")); g.count().toStream().to("o"); g.reduce((x,y)->x).toStream().to("p"); });
    show("repartition named, sink named", b -> b.stream("in", Consumed.with(S,S)).repartition(Repartitioned.<String,String>as("r").withNumberOfPartitions(2)).to("o", Produced.<String,String>as("snk").withKeySerde(S).withValueSerde(S)));
    show("left join of outer join, materialized in between", b -> b.table("t", Consumed.with(S,S)).outerJoin(b.table("u", Consumed.with(S,S)), (x,y)->x, Materialized.<String,String,KeyValueStore<Bytes,byte[]>>as("j").withKeySerde(S).withValueSerde(S)).leftJoin(b.table("w", Consumed.with(S,S)), (x,y)->x).toStream().to("o"));
    show("stream joined with filtered table", b -> b.stream("in", Consumed.with(S,S)).leftJoin(b.table("t", Consumed.with(S,S)).filter((k,v)->true).mapValues(v->v, Materialized.<String,String,KeyValueStore<Bytes,byte[]>>as("m").withKeySerde(S).withValueSerde(S)), (x,y)->x).to("o"));
    show("two joins of a rekeyed stream", b -> { var s = b.stream("in", Consumed.with(S,S)).selectKey((k,v)->v); s.join(b.table("t", Consumed.with(S,S)), (x,y)->x).to("o"); s.leftJoin(b.table("u", Consumed.with(S,S)), (x,y)->x).to("p"); });
    show("rekeyed, merged, counted", b -> b.stream("in", Consumed.with(S,S)).selectKey((k,v)->v).merge(b.stream("in2", Consumed.with(S,S))).groupByKey(Grouped.with(S,S)).count().toStream().to("o"));
    show("count to table to count", b -> b.stream("in", Consumed.with(S,S)).groupByKey().count(Materialized.as("c1")).toStream().map((k,v)->KeyValue.pair(Long.toString(v), k)).groupByKey(Grouped.with(S,S)).count(Materialized.as("c2")).toStream().to("o", Produced.with(S,L)));
    show("mapValues after selectKey then join", b -> { var t = b.table("t", Consumed.with(S,S)); b.stream("in", Consumed.with(S,S)).selectKey((k,v)->v).mapValues(v->v).join(t, (x,y)->x).to("o"); });
  }
}
