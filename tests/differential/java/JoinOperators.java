// Joins.
import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;
import java.util.function.BiFunction;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.kstream.GlobalKTable;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.Joined;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.KeyValueMapper;
import org.apache.kafka.streams.kstream.StreamJoined;
import org.apache.kafka.streams.kstream.TableJoined;
import org.apache.kafka.streams.kstream.ValueJoiner;
import org.apache.kafka.streams.kstream.ValueJoinerWithKey;

final class JoinOperators {
  static String kind(JsonNode step) { return World.text(step, "kind"); }
  static Functions.Joiner joiner(JsonNode step) { return Functions.joiner(step.get("f").asText()); }

  @SuppressWarnings("deprecation")
  static JoinWindows windows(JsonNode w) {
    JoinWindows windows = w.path("eager").asBoolean(false)
        ? JoinWindows.of(World.duration(w, "size")).grace(World.duration(w, "grace"))
        : JoinWindows.ofTimeDifferenceAndGrace(World.duration(w, "size"), World.duration(w, "grace"));
    if (w.has("before")) windows = windows.before(World.duration(w, "before"));
    if (w.has("after")) windows = windows.after(World.duration(w, "after"));
    return windows;
  }
  static void streamStream(World w, JsonNode s) {
    KStream<String, String> on = w.get(s), with = w.get(s, "with");
    Functions.Joiner f = joiner(s);
    ValueJoinerWithKey<String, String, String, String> j = f::join;
    StreamJoined<String, String, String> joined = s.has("serdes")
        ? StreamJoined.with(World.serde(s, "key"), World.serde(s, "value"), World.serde(s, "other"))
        : StreamJoined.with(Serdes.String(), Serdes.String(), Serdes.String());
    if (World.isNamed(s)) joined = joined.withName(World.text(s, "named"));
    if (World.isStored(s)) {
      JsonNode store = s.get("store");
      if (store.has("name")) joined = joined.withStoreName(World.text(store, "name"));
      if (!store.path("log").asBoolean(true)) joined = joined.withLoggingDisabled();
      if (store.has("engine")) joined = joined.withDslStoreSuppliers(World.engine(store));
    }
    JoinWindows windows = windows(s.get("windows"));
    w.put(s, switch (kind(s)) {
      case "inner" -> on.join(with, j, windows, joined);
      case "left" -> on.leftJoin(with, j, windows, joined);
      default -> on.outerJoin(with, j, windows, joined);
    });
  }
  static void streamTable(World w, JsonNode s) {
    KStream<String, String> on = w.get(s);
    KTable<String, String> with = w.get(s, "with");
    ValueJoinerWithKey<String, String, String, String> j = joiner(s)::join;
    Joined<String, String, String> joined = null;
    if (World.isNamed(s)) joined = Joined.as(World.text(s, "named"));
    if (s.has("serdes")) {
      joined = Joined.with(World.serde(s, "key"), World.serde(s, "value"), World.serde(s, "other"),
                           World.isNamed(s) ? World.text(s, "named") : null);
      if (s.has("grace")) joined = joined.withGracePeriod(World.duration(s, "grace"));
    } else if (s.has("grace")) {
      joined = (joined == null ? Joined.<String, String, String>with(Serdes.String(), Serdes.String(), Serdes.String())
                               : joined.withKeySerde(Serdes.String()).withValueSerde(Serdes.String())
                                     .withOtherValueSerde(Serdes.String()))
                   .withGracePeriod(World.duration(s, "grace"));
    }
    if (kind(s).equals("inner")) w.put(s, joined == null ? on.join(with, j) : on.join(with, j, joined));
    else w.put(s, joined == null ? on.leftJoin(with, j) : on.leftJoin(with, j, joined));
  }
  static void streamGlobalTable(World w, JsonNode s) {
    KStream<String, String> on = w.get(s);
    GlobalKTable<String, String> with = w.get(s, "with");
    KeyValueMapper<String, String, String> select = Functions.mapper(World.text(s, "key"))::map;
    ValueJoinerWithKey<String, String, String, String> j = joiner(s)::join;
    if (kind(s).equals("inner")) w.put(s, World.isNamed(s) ? on.join(with, select, j, World.named(s)) : on.join(with, select, j));
    else w.put(s, World.isNamed(s) ? on.leftJoin(with, select, j, World.named(s)) : on.leftJoin(with, select, j));
  }
  /// Joiners of tables see no key.
  static ValueJoiner<String, String, String> rows(JsonNode s) {
    Functions.Joiner f = joiner(s);
    return (a, b) -> f.join(null, a, b);
  }
  static void tableTable(World w, JsonNode s) {
    KTable<String, String> on = w.get(s), with = w.get(s, "with");
    ValueJoiner<String, String, String> j = rows(s);
    w.put(s, switch (kind(s)) {
      case "inner" -> World.choose(s, () -> on.join(with, j), n -> on.join(with, j, n), () -> on.join(with, j, World.keyValues(s)),
                                   n -> on.join(with, j, n, World.keyValues(s)));
      case "left" -> World.choose(s, () -> on.leftJoin(with, j), n -> on.leftJoin(with, j, n),
                                  () -> on.leftJoin(with, j, World.keyValues(s)),
                                  n -> on.leftJoin(with, j, n, World.keyValues(s)));
      default -> World.choose(s, () -> on.outerJoin(with, j), n -> on.outerJoin(with, j, n),
                              () -> on.outerJoin(with, j, World.keyValues(s)),
                              n -> on.outerJoin(with, j, n, World.keyValues(s)));
    });
  }
  static void foreignKey(World w, JsonNode s) {
    KTable<String, String> on = w.get(s), with = w.get(s, "with");
    BiFunction<String, String, String> extract = Functions.mapper(World.text(s, "key"))::map;
    ValueJoiner<String, String, String> j = rows(s);
    TableJoined<String, String> joined = World.isNamed(s) ? TableJoined.as(World.text(s, "named")) : null;
    boolean inner = kind(s).equals("inner");
    if (joined == null && !World.isStored(s)) w.put(s, inner ? on.join(with, extract, j) : on.leftJoin(with, extract, j));
    else if (!World.isStored(s)) w.put(s, inner ? on.join(with, extract, j, joined) : on.leftJoin(with, extract, j, joined));
    else if (joined == null) {
      w.put(s, inner ? on.join(with, extract, j, World.<String, String>keyValues(s))
                     : on.leftJoin(with, extract, j, World.<String, String>keyValues(s)));
    } else {
      w.put(s, inner ? on.join(with, extract, j, joined, World.keyValues(s))
                     : on.leftJoin(with, extract, j, joined, World.keyValues(s)));
    }
  }
  static void add(Map<String, World.Operator> operators) {
    operators.put("streamStreamJoin", JoinOperators::streamStream);
    operators.put("streamTableJoin", JoinOperators::streamTable);
    operators.put("streamGlobalTableJoin", JoinOperators::streamGlobalTable);
    operators.put("tableTableJoin", JoinOperators::tableTable);
    operators.put("foreignKeyJoin", JoinOperators::foreignKey);
  }
  private JoinOperators() {}
}
