// What Kafka Streams makes of a foreign-key join whose key serde puts the topic in front of every key, and reads only what was made
// for the topic that it is told. Prints results, and all keys of messages and rows: what ../serde_topics_test.cpp expects.
//
//   java -cp "$(tools/kafka_jars)" tests/topology/operators/java/TopicKeys.java
import java.util.Properties;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.kstream.*;

public final class TopicKeys {
  private static Serde<String> behindTheTopic() {
    return Serdes.serdeFrom(
        (topic, value) -> value == null ? null : (topic + "|" + value).getBytes(),
        (topic, bytes) -> {
          if (bytes == null) return null;
          String text = new String(bytes);
          if (!text.startsWith(topic + "|")) throw new IllegalStateException(text + " is read as of " + topic);
          return text.substring(topic.length() + 1);
        });
  }

  public static void main(String[] arguments) {
    for (boolean left : new boolean[] {false, true}) {
      StreamsBuilder builder = new StreamsBuilder();
      KTable<String, String> lefts = builder.table("l", Consumed.with(behindTheTopic(), Serdes.String()));
      KTable<String, String> rights = builder.table("r", Consumed.with(behindTheTopic(), Serdes.String()));
      TableJoined<String, String> named = TableJoined.as("fj");
      ValueJoiner<String, String, String> append = (a, b) -> a + (b == null ? "-" : b);
      Materialized<String, String, org.apache.kafka.streams.state.KeyValueStore<org.apache.kafka.common.utils.Bytes, byte[]>> kept =
          Materialized.with(behindTheTopic(), Serdes.String());
      (left ? lefts.leftJoin(rights, value -> value, append, named, kept) : lefts.join(rights, value -> value, append, named, kept))
          .toStream().to("out", Produced.with(Serdes.String(), Serdes.String()));
      Properties config = new Properties();
      config.put("application.id", "app");
      config.put("bootstrap.servers", "none:1");
      config.put("statestore.cache.max.bytes", "0");
      System.out.println("== " + (left ? "left join" : "join"));
      try (TopologyTestDriver driver = new TopologyTestDriver(builder.build(), config)) {
        var l = driver.createInputTopic("l", new StringSerializer(), new StringSerializer());
        var r = driver.createInputTopic("r", new StringSerializer(), new StringSerializer());
        l.pipeInput("l|a", "k", 1);
        r.pipeInput("r|k", "1", 2);
        r.pipeInput("r|k", "2", 2);
        l.pipeInput("l|a", "other", 3);
        r.pipeInput("r|k", "3", 4);
        for (String topic : new java.util.TreeSet<>(driver.producedTopicNames())) {
          if (!topic.equals("out") && !topic.contains("fj")) continue;
          var out = driver.createOutputTopic(topic, new StringDeserializer(), new StringDeserializer());
          for (var record : out.readRecordsToList()) {
            System.out.println("   " + topic + " " + record.key().replaceAll("\\P{Print}", "_")
                + (topic.equals("out") ? "=" + record.value() + "@" + record.timestamp() : record.value() == null ? " null" : ""));
          }
        }
      }
    }
  }
}
