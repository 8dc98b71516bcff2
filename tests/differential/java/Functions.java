// The pure functions that scenarios name: `functions.cpp` is the other half.
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringSerializer;

final class Functions {
  interface Predicate { boolean test(String key, String value); }
  interface Mapper { String map(String key, String value); }
  interface ListMapper { List<String> map(String key, String value); }
  interface Aggregator { String apply(String value, String soFar); }
  interface Joiner { String join(String key, String value, String other); }

  static final int TEXT_LENGTH = 20;
  static final int LIST_LENGTH = 3;

  static String shown(String text) { return text == null ? "null" : text; }
  static String tail(String text) { return text.length() <= TEXT_LENGTH ? text : text.substring(text.length() - TEXT_LENGTH); }
  static String first(String text) { String all = shown(text); return all.isEmpty() ? "" : all.substring(0, 1); }
  static long hash(String text) {
    if (text == null) return 7;
    long sum = 0;
    for (int i = 0; i < text.length(); ++i) sum = (sum * 31 + text.charAt(i)) & 0x7fffffffL;
    return sum;
  }
  static boolean divides(int number, String text) { return hash(text) % number == 0; }

  static final Map<String, Predicate> PREDICATES = Map.of(
      "all", (k, v) -> true,
      "none", (k, v) -> false,
      "value2", (k, v) -> divides(2, v),
      "value3", (k, v) -> !divides(3, v),
      "key2", (k, v) -> divides(2, k),
      "present", (k, v) -> v != null);

  static final Map<String, Mapper> MAPPERS = Map.of(
      "bang", (k, v) -> tail(shown(v) + "!"),
      "pair", (k, v) -> tail(shown(k) + shown(v)),
      "value", (k, v) -> v,
      "key", (k, v) -> k,
      "first", (k, v) -> first(v),
      "keyfirst", (k, v) -> first(k),
      "null3", (k, v) -> divides(3, v) ? null : v,
      "keynull3", (k, v) -> divides(3, v) ? null : k,
      "const", (k, v) -> "c");

  static final Map<String, ListMapper> LIST_MAPPERS = Map.of(
      "letters", (k, v) -> {
        List<String> letters = new ArrayList<>();
        for (int i = 0; v != null && i < v.length() && i < LIST_LENGTH; ++i) letters.add(v.substring(i, i + 1));
        return letters;
      },
      "twice", (k, v) -> List.of(shown(v), tail(shown(v) + "2")),
      "some", (k, v) -> divides(2, v) ? List.of() : List.of(shown(v)));

  static final Map<String, Aggregator> AGGREGATORS = Map.of(
      "cat", (v, soFar) -> tail(soFar + shown(v)),
      "minus", (v, soFar) -> tail(soFar + "-" + shown(v)),
      "null4", (v, soFar) -> divides(4, v) ? null : tail(soFar + "," + shown(v)),
      "last", (v, soFar) -> shown(v),
      "max", (v, soFar) -> soFar.compareTo(shown(v)) < 0 ? shown(v) : soFar,
      "same", (v, soFar) -> soFar);

  static final Map<String, Joiner> JOINERS = Map.of(
      "plus", (k, a, b) -> tail(shown(a) + "+" + shown(b)),
      "keyed", (k, a, b) -> tail(shown(k) + shown(a) + shown(b)),
      "left", (k, a, b) -> shown(a),
      "right", (k, a, b) -> shown(b),
      "null3", (k, a, b) -> divides(3, shown(a) + shown(b)) ? null : tail(shown(a) + shown(b)));

  static <F> F find(Map<String, F> all, String name) {
    F found = all.get(name);
    if (found == null) throw new AssertionError("there is no function \"" + name + "\"");
    return found;
  }
  /// Of `throws:<function>` the function; of another name nothing.
  static String throwing(String name) { return name.startsWith("throws:") ? name.substring("throws:".length()) : null; }
  static void refuse(String text) {
    if (divides(5, text)) throw new IllegalStateException("refused: " + text);
  }

  static Predicate predicate(String name) {
    if (throwing(name) == null) return find(PREDICATES, name);
    Predicate f = predicate(throwing(name));
    return (k, v) -> { refuse(v); return f.test(k, v); };
  }
  static Mapper mapper(String name) {
    if (throwing(name) == null) return find(MAPPERS, name);
    Mapper f = mapper(throwing(name));
    return (k, v) -> { refuse(v); return f.map(k, v); };
  }
  static ListMapper listMapper(String name) {
    if (throwing(name) == null) return find(LIST_MAPPERS, name);
    ListMapper f = listMapper(throwing(name));
    return (k, v) -> { refuse(v); return f.map(k, v); };
  }
  static Aggregator aggregator(String name) {
    if (throwing(name) == null) return find(AGGREGATORS, name);
    Aggregator f = aggregator(throwing(name));
    return (v, soFar) -> { refuse(v); return f.apply(v, soFar); };
  }
  static Joiner joiner(String name) {
    if (throwing(name) == null) return find(JOINERS, name);
    Joiner f = joiner(throwing(name));
    return (k, a, b) -> { refuse(shown(a) + shown(b)); return f.join(k, a, b); };
  }

  /// Texts, of which those that begin with '!' cannot be read.
  static Serde<String> picky() {
    return Serdes.serdeFrom(new StringSerializer(), new Deserializer<String>() {
      @Override
      public String deserialize(String topic, byte[] bytes) {
        String text = bytes == null ? null : new String(bytes, StandardCharsets.UTF_8);
        if (text != null && text.startsWith("!")) throw new SerializationException("refused: " + text);
        return text;
      }
    });
  }

  /// Texts: "text" as they are, "tilde" and "caret" with that in front; without it they are read as they are.
  static Serde<String> serde(String name) {
    String mark = switch (name) {
      case "text" -> "";
      case "tilde" -> "~";
      case "caret" -> "^";
      default -> throw new AssertionError("there is no serde " + name);
    };
    StringSerializer plain = new StringSerializer();
    return Serdes.serdeFrom((topic, text) -> text == null ? null : plain.serialize(topic, mark + text), (topic, bytes) -> {
      String text = bytes == null ? null : new String(bytes, StandardCharsets.UTF_8);
      return text != null && text.startsWith(mark) ? text.substring(mark.length()) : text;
    });
  }
  /// Texts, of which those that `refuse` names cannot be written.
  static Serde<String> pickyWriter() {
    StringSerializer plain = new StringSerializer();
    return Serdes.serdeFrom((topic, text) -> {
      if (text != null && divides(5, text)) throw new SerializationException("refused: " + text);
      return plain.serialize(topic, text);
    }, Serdes.String().deserializer());
  }
  /// The longer a value, the later its record; of some there is no time.
  static long time(String value, long timestamp) {
    if (value == null) return timestamp;
    return divides(7, value) ? -1 : timestamp + 700L * value.length();
  }

  private Functions() {}
}
