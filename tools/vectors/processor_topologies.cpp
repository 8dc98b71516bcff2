#include <tidemill/dsl/streams_builder.hpp>

#include "registry.hpp"

namespace tidemill::vectors {
namespace {

using Long = std::int64_t;
using TextRecord = Record<Text, Text>;
using TextProcessor = Processor<Text, Text>;
using TextContext = ProcessorContext<Text, Text>;
using TextStore = std::unique_ptr<KeyValueStore<Text, Text>>;

KStream<Text, Text> in(StreamsBuilder& builder, const char* topic = "in") { return builder.stream<Text, Text>(topic); }
/// A processor that is made without arguments.
template <class P>
auto made() {
  return [] { return std::make_unique<P>(); };
}
template <class P>
Topology in_to_out(std::vector<StoreSpec> stores = {}) {
  StreamsBuilder builder;
  std::vector<Text> names;
  for (const StoreSpec& store : stores) {
    builder.add_state_store(store);
    names.push_back(store.name);
  }
  in(builder).process(made<P>(), names).to("out");
  return builder.build();
}
bool starts_with_a(const Text& text) { return text.starts_with("a"); }

class Twice : public TextProcessor {
  void process(const TextRecord& r) override {
    if (!r.has_value()) return;
    if (starts_with_a(r.value())) {
      context().forward(r);
      context().forward(TextRecord(&r.value(), r.key_or_null(), r.timestamp() + 1, &r.headers()));
    } else {
      Headers headers = r.headers();
      headers.add("p", r.value());
      const Text key = cat(r.key_or_null(), &r.value());
      context().forward(r.with_key(key).with_headers(headers));
    }
  }
};
class Whence : public FixedKeyProcessor<Text, Text> {
  void process(const FixedKeyRecord<Text, Text>& r) override {
    const RecordMetadata where = *context().record_metadata();
    if (!r.has_value()) {
      context().forward(r.with_value(std::to_string(where.offset.value)));
    } else if (!r.value().empty()) {
      context().forward(r.with_value(cat(&where.topic, &r.value())));
    }
  }
};
Topology process_values(const StreamsConfig&) {
  StreamsBuilder builder;
  in(builder).process_values(made<Whence>()).to("out");
  return builder.build();
}
class ChangeHeaders : public TextProcessor {
  void process(const TextRecord& r) override {
    Headers headers = r.headers();
    headers.remove("drop");
    headers.add("n", std::to_string(headers.size()));
    context().forward(r.with_headers(headers));
  }
};
Topology headers(const StreamsConfig&) {
  StreamsBuilder builder;
  in(builder)
      .map([](const Text* k, const Text* v) { return std::pair(n(k), n(v)); })
      .repartition({.name = "rp"})
      .flat_map([](const Text& k, const Text& v) {
        return std::vector{std::pair(k, v), std::pair(v, k)};
      })
      .process(made<ChangeHeaders>())
      .to("out");
  return builder.build();
}
class Forward : public TextProcessor {
  void process(const TextRecord& r) override { context().forward(r); }
};
class ForwardValue : public FixedKeyProcessor<Text, Text> {
  void process(const FixedKeyRecord<Text, Text>& r) override { context().forward(r); }
};
Topology named_operators(const StreamsConfig&) {
  StreamsBuilder builder;
  builder.stream<Text, Text>("in", {.name = "src"})
      .filter([](const Text* v) { return v != nullptr; }, {"f1"})
      .filter_not([](const Text& v) { return v.empty(); }, {"f2"})
      .map_values([](const Text& v) { return v + "1"; }, {"mv"})
      .map([](const Text* k, const Text* v) { return std::pair(n(k), *v); }, {"m"})
      .flat_map_values(
          [](const Text& v) {
            return std::vector{v, v};
          },
          {"fmv"})
      .flat_map([](const Text& k, const Text& v) { return std::vector{std::pair(k, v)}; }, {"fm"})
      .select_key([](const Text& k, const Text&) { return k + "k"; }, {"sk"})
      .peek([](const Text&) {}, {"pk"})
      .repartition({.name = "rp"})
      .process(made<Forward>(), {}, {"pr"})
      .process_values(made<ForwardValue>(), {}, {"pv"})
      .to("out", {.name = "snk"});
  in(builder).map_values([](const Text* v) { return n(v) + "z"; }).to("out2");
  return builder.build();
}

/// Counts the records of a key in a store that it brings along.
struct CountingSupplier {
  class Counting : public FixedKeyProcessor<Text, Text> {
    void init(FixedKeyProcessorContext<Text, Text>& context) override { counts_ = context.key_value_store<Text, Long>("cs"); }
    void process(const FixedKeyRecord<Text, Text>& r) override {
      counts_->put(r.key(), counts_->get(r.key()).value_or(0) + 1);
      context().forward(r.with_value(std::to_string(*counts_->get(r.key()))));
    }
    std::unique_ptr<KeyValueStore<Text, Long>> counts_;
  };
  std::vector<StoreSpec> stores() const { return {Stores::persistent_key_value_store("cs")}; }
  std::unique_ptr<Counting> operator()() const { return std::make_unique<Counting>(); }
};
class ReadCount : public TextProcessor {
  void init(TextContext& context) override { counts_ = context.key_value_store<Text, Long>("cs"); }
  void process(const TextRecord& r) override {
    context().forward(r.with_value(r.value() + "/" + std::to_string(*counts_->get(r.key()))));
  }
  std::unique_ptr<KeyValueStore<Text, Long>> counts_;
};
Topology connected_stores(const StreamsConfig&) {
  StreamsBuilder builder;
  in(builder).process_values(CountingSupplier()).process(made<ReadCount>(), {"cs"}).to("out");
  return builder.build();
}

// Punctuation

class StreamTick : public TextProcessor {
  void init(TextContext& context) override {
    context.schedule(std::chrono::seconds(10), PunctuationType::kStreamTime, [this](Timestamp time) {
      this->context().forward(TextRecord("tick", std::to_string(time.value) + ":" + std::to_string(count_), time));
      count_ = 0;
    });
  }
  void process(const TextRecord& r) override {
    ++count_;
    context().forward(r);
  }
  int count_ = 0;
};
class WallTick : public TextProcessor {
  void init(TextContext& context) override {
    schedule_ = context.schedule(std::chrono::seconds(1), PunctuationType::kWallClockTime, [this](Timestamp) {
      this->context().forward(TextRecord("tick", std::to_string(++ticks_), Timestamp(records_)));
    });
  }
  void process(const TextRecord& r) override {
    ++records_;
    if (r.has_value() && r.value() == "stop") schedule_.cancel();
  }
  Cancellable schedule_;
  int ticks_ = 0;
  int records_ = 0;
};
class TwoTicks : public TextProcessor {
  void init(TextContext& context) override {
    const auto tick = [this](const char* name) {
      return [this, name](Timestamp time) { this->context().forward(TextRecord(name, std::to_string(time.value), time)); };
    };
    context.schedule(std::chrono::seconds(10), PunctuationType::kStreamTime, tick("A"), Timestamp(3000));
    context.schedule(std::chrono::seconds(7), PunctuationType::kStreamTime, tick("B"));
  }
  void process(const TextRecord&) override {}
};
class EmptyTheStore : public TextProcessor {
  void init(TextContext& context) override {
    store_ = context.key_value_store<Text, Text>("st");
    context.schedule(std::chrono::seconds(5), PunctuationType::kStreamTime, [this](Timestamp time) {
      for (auto row = store_->all(); row.valid(); row.next()) {
        this->context().forward(TextRecord(row.key(), row.value(), time));
        store_->remove(row.key());
      }
    });
  }
  void process(const TextRecord& r) override {
    if (r.has_key()) store_->put(r.key(), r.value_or_null());
  }
  TextStore store_;
};
class TellContext : public TextProcessor {
  void init(TextContext& context) override { start_ = context.current_system_time(); }
  void process(const TextRecord& r) override {
    const RecordMetadata where = *context().record_metadata();
    const Text text = where.topic + "," + std::to_string(where.partition.value) + "," + std::to_string(where.offset.value) +
                      "," + to_string(context().task_id()) + "," + context().application_id() + "," +
                      std::to_string(context().current_stream_time().value) + "," +
                      std::to_string(context().current_system_time() - start_);
    context().forward(r.with_value(text));
  }
  Timestamp start_;
};
Topology context(const StreamsConfig&) {
  StreamsBuilder builder;
  auto one = in(builder, "in1");
  auto two = in(builder, "in2");
  one.merge(two).process(made<TellContext>()).to("out");
  return builder.build();
}

// Made by hand

class Route : public TextProcessor {
  void process(const TextRecord& r) override {
    if (!r.has_value()) {
      context().forward(r);
    } else if (starts_with_a(r.value())) {
      context().forward(r, "a-sink");
    } else {
      context().forward(r, "len");
    }
  }
};
class Length : public TextProcessor {
  void init(TextContext& context) override { lens_ = context.key_value_store<Text, Text>("lens"); }
  void process(const TextRecord& r) override {
    const auto length = r.has_value() ? std::optional(std::to_string(r.value().size())) : std::optional<Text>();
    const Text* value = length ? &*length : nullptr;
    lens_->put(r.key(), value);
    context().forward(r.with_value_or_null(value));
  }
  TextStore lens_;
};
Topology hand_made(const StreamsConfig&) {
  TopologyBuilder builder;
  builder.add_source<Text, Text>("src", {"in1", "in2"})
      .add_processor("route", made<Route>(), {"src"})
      .add_processor("len", made<Length>(), {"route"})
      .add_state_store(Stores::persistent_key_value_store("lens"), {"len"})
      .add_sink<Text, Text>("a-sink", "out-a", {"route"})
      .add_sink<Text, Text>("len-sink", "out-len", {"len"});
  return builder.build();
}
/// Looks up the key in a store.
class LookUp : public TextProcessor {
 public:
  explicit LookUp(const char* store) : name_(store) {}
  static auto in(const char* store) {
    return [store] { return std::make_unique<LookUp>(store); };
  }

 private:
  void init(TextContext& context) override { store_ = context.key_value_store<Text, Text>(name_); }
  void process(const TextRecord& r) override {
    const auto stored = store_->get(r.key());
    context().forward(r.with_value(cat(r.value_or_null(), stored ? &*stored : nullptr)));
  }
  const char* name_;
  TextStore store_;
};
/// Keeps each record in a store, with something behind its value.
class Keep : public TextProcessor {
 public:
  Keep(const char* store, const char* mark) : name_(store), mark_(mark) {}
  static auto in(const char* store, const char* mark = "") {
    return [store, mark] { return std::make_unique<Keep>(store, mark); };
  }

 private:
  void init(TextContext& context) override { store_ = context.key_value_store<Text, Text>(name_); }
  void process(const TextRecord& r) override {
    if (!r.has_value()) {
      store_->remove(r.key());
    } else {
      store_->put(r.key(), r.value() + mark_);
    }
  }
  const char* name_;
  const char* mark_;
  TextStore store_;
};
Topology hand_made_sharing(const StreamsConfig&) {
  TopologyBuilder builder;
  builder.add_source<Text, Text>("s1", {"in1"})
      .add_source<Text, Text>("s2", {"in2"})
      .add_source<Text, Text>("s3", {"in3"})
      .add_processor("writer", Keep::in("sh"), {"s1"})
      .add_processor("reader", LookUp::in("sh"), {"s2"})
      .add_state_store(Stores::in_memory_key_value_store("sh"), {"writer"})
      .connect_processor_and_state_stores("reader", {"sh"})
      .add_sink<Text, Text>("out", "out", {"reader"})
      .add_sink<Text, Text>("out3", "out3", {"s3"});
  return builder.build();
}
Topology global_store(const StreamsConfig&) {
  StreamsBuilder builder;
  builder.add_global_store<Text, Text>(Stores::in_memory_key_value_store("gs"), "g", {}, Keep::in("gs", "*"));
  in(builder).process(LookUp::in("gs")).to("out");
  return builder.build();
}
Topology read_only_store(const StreamsConfig&) {
  TopologyBuilder builder;
  builder
      .add_read_only_state_store<Text, Text>(Stores::persistent_key_value_store("ro"), "ro-source", "t", "ro-processor",
                                             Keep::in("ro"))
      .add_source<Text, Text>("src", {"in"})
      .add_processor("look", LookUp::in("ro"), {"src"})
      .connect_processor_and_state_stores("look", {"ro"})
      .add_sink<Text, Text>("snk", "out", {"look"});
  return builder.build();
}

// Errors

Topology deserialization_fail(const StreamsConfig&) {
  StreamsBuilder builder;
  builder.stream<Text, Long>("in").to("out");
  return builder.build();
}
Topology deserialization_continue(const StreamsConfig&) {
  StreamsBuilder builder;
  builder.stream<Text, Long>("in")
      .group_by_key()
      .reduce([](const Long& a, const Long& b) { return a + b; }, {.store_name = "r"})
      .to_stream()
      .to("out");
  return builder.build();
}
Text no_zoo(const Text* v) {
  if (v != nullptr && *v == "zoo") throw std::invalid_argument("zoo");
  return n(v) + "!";
}
Topology processing(const StreamsConfig&) {
  StreamsBuilder builder;
  auto s = in(builder);
  s.to("out1");
  s.map_values(no_zoo).to("out2");
  return builder.build();
}
class PutAndForward : public TextProcessor {
  void init(TextContext& context) override { store_ = context.key_value_store<Text, Text>("st"); }
  void process(const TextRecord& r) override {
    store_->put(r.key(), r.value_or_null());
    context().forward(r);
  }
  TextStore store_;
};

/// Java lets go of a record's bytes once it has been sent somewhere, which it has here, to out1: divergence D-9.
HandlerResponse forget_raw_and_continue(const ErrorHandlerContext& context, const HandledError& error) {
  ErrorHandlerContext forgotten = context;
  forgotten.source_raw_key.reset();
  forgotten.source_raw_value.reset();
  return {.answer = HandlerAnswer::kResume, .dead_letters = {make_dead_letter("dlq", forgotten, error)}};
}

StreamsConfig with(void (*change)(StreamsConfig&)) {
  StreamsConfig config = plain();
  change(config);
  return config;
}

}  // namespace

void add_processor_topologies(Registry& registry) {
  registry["process"] = {[](const StreamsConfig&) { return in_to_out<Twice>(); }, plain()};
  registry["process-values"] = {process_values, plain()};
  registry["headers"] = {headers, plain()};
  registry["named-operators"] = {named_operators, plain()};
  registry["connected-stores"] = {connected_stores, plain()};
  registry["punctuate-stream"] = {[](const StreamsConfig&) { return in_to_out<StreamTick>(); }, plain()};
  registry["punctuate-wall"] = {[](const StreamsConfig&) { return in_to_out<WallTick>(); }, plain()};
  registry["punctuate-start"] = {[](const StreamsConfig&) { return in_to_out<TwoTicks>(); }, plain()};
  registry["punctuate-store"] = {
      [](const StreamsConfig&) { return in_to_out<EmptyTheStore>({Stores::in_memory_key_value_store("st")}); }, plain()};
  registry["null-key-to-store"] = {
      [](const StreamsConfig&) { return in_to_out<PutAndForward>({Stores::in_memory_key_value_store("st")}); }, plain()};
  registry["context"] = {context, plain()};
  registry["hand-made"] = {hand_made, plain()};
  registry["hand-made-sharing"] = {hand_made_sharing, plain()};
  registry["global-store"] = {global_store, plain()};
  registry["read-only-store"] = {read_only_store, plain()};
  registry["deserialization-fail"] = {deserialization_fail, plain()};
  registry["deserialization-continue"] = {deserialization_continue, with([](StreamsConfig& config) {
                                            config.errors_dead_letter_queue_topic_name = "dlq";
                                            config.deserialization_exception_handler =
                                                log_and_continue_on_deserialization_error("dlq");
                                          })};
  registry["processing-fail"] = {processing, plain()};
  registry["processing-continue"] = {processing, with([](StreamsConfig& config) {
                                       config.errors_dead_letter_queue_topic_name = "dlq";
                                       config.processing_exception_handler = forget_raw_and_continue;
                                     })};
}

}  // namespace tidemill::vectors
