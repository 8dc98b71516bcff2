// What Java's print() writes, which processors it hands to a ProcessorWrapper, which partitioners a foreign-key join asks, and
// what metrics of a processor's own are called: golden/surface.txt is what java/Surface.java printed, title by title.
#include <gmock/gmock.h>

#include <tidemill/dsl/streams_builder.hpp>
#include <tidemill/testing/topology_test_driver.hpp>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

namespace tidemill {
namespace {

using Text = std::string;
using std::chrono::milliseconds;
using ::testing::HasSubstr;

/// What Java says under a title.
std::string golden(const std::string& title) {
  std::ifstream in(GOLDEN "surface.txt");
  std::string text;
  bool here = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("##### ")) here = line.substr(6) == title;
    else if (here) text += line + "\n";
  }
  EXPECT_FALSE(text.empty() && title != "wrapped global store") << "there is nothing under \"" << title << "\"";
  return text;
}

// ---------------------------------------------------------------- print

class Print : public ::testing::Test {
 protected:
  /// What print() writes of these records.
  template <class K, class V>
  std::string printed(const std::vector<std::pair<std::optional<K>, std::optional<V>>>& records,
                      const std::function<void(StreamsBuilder&, const KStream<K, V>&)>& write) {
    {
      StreamsBuilder builder;
      write(builder, builder.stream<K, V>("in"));
      TopologyTestDriver driver(builder.build());
      auto in = driver.create_input_topic<K, V>("in", Timestamp(0));
      for (const auto& [key, value] : records) in.pipe_input(TestRecord<K, V>{.key = key, .value = value});
    }
    return content();
  }
  std::string content() const {
    std::ifstream in(file_);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  ~Print() override { std::filesystem::remove(file_); }

  const std::string file_ = ::testing::TempDir() + "print_" + std::to_string(::getpid()) + ".txt";
  const std::vector<std::pair<std::optional<Text>, std::optional<Text>>> texts_{
      {"a", "one"}, {"b", std::nullopt}, {std::nullopt, "three"}};
};

TEST_F(Print, WritesALineForEachRecord) {
  EXPECT_EQ((printed<Text, Text>(texts_, [&](auto&, const auto& in) { in.print({.file = file_}); })),
            golden("print to a file"));
  EXPECT_EQ((printed<Text, Text>(
                texts_, [&](auto&, const auto& in) { in.map_values([](const Text& v) { return v; }).print({.file = file_}); })),
            golden("print behind an operator"));
  EXPECT_EQ((printed<Text, Text>(
                texts_, [&](auto&, const auto& in) { in.print({.file = file_, .label = "my label", .name = "printer"}); })),
            golden("print with label"));
  EXPECT_EQ((printed<Text, Text>(texts_,
                                 [&](auto&, const auto& in) {
                                   const auto text = [](const Text* t) { return t != nullptr ? *t : Text("null"); };
                                   in.print({.file = file_, .key_value_mapper = [text](const Text* k, const Text* v) {
                                               return text(k) + "=" + text(v);
                                             }});
                                 })),
            golden("print with mapper"));
}

TEST_F(Print, NumbersHaveJavasText) {
  EXPECT_EQ((printed<std::int64_t, std::int32_t>({{-5, 7}}, [&](auto&, const auto& in) { in.print({.file = file_}); })),
            golden("print numbers"));
  std::vector<std::pair<std::optional<bool>, std::optional<double>>> doubles;
  for (const double d : {0.0, -0.0, 1.0, -1.5, 0.001, 0.00099, 1e7, 9999999.0, 12345678.9, 1e-10, 1e21, 1.7976931348623157E308,
                         std::nan(""), std::numeric_limits<double>::infinity(), 0.1, 100.0}) {
    doubles.emplace_back(true, d);
  }
  EXPECT_EQ((printed<bool, double>(doubles, [&](auto&, const auto& in) { in.print({.file = file_}); })),
            golden("print fractions"));
  std::vector<std::pair<std::optional<std::int16_t>, std::optional<float>>> floats;
  for (const float f : {0.0F, 1.0F, 0.1F, 1e7F, 3.4e38F, 0.001F, 16777216.0F}) floats.emplace_back(std::int16_t{3}, f);
  EXPECT_EQ((printed<std::int16_t, float>(floats, [&](auto&, const auto& in) { in.print({.file = file_}); })),
            golden("print small fractions"));
}

TEST_F(Print, OtherTypesHaveJavasText) {
  const Uuid uuid{{0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}};
  const ByteArray bytes{{'a', 0, static_cast<char>(0xff), '\\', ' ', '~', 127}};
  EXPECT_EQ((printed<Uuid, ByteArray>({{uuid, bytes}}, [&](auto&, const auto& in) { in.print({.file = file_}); })),
            golden("print others"));
  EXPECT_EQ((printed<Text, Text>(texts_,
                                 [&](auto&, const auto& in) {
                                   in.group_by_key()
                                       .windowed_by(TimeWindows::of_size_with_no_grace(std::chrono::days(100000)))
                                       .count()
                                       .to_stream()
                                       .print({.file = file_});
                                 })),
            golden("print windows"));
}

TEST_F(Print, ToStandardOutputWhereNoFileIsGiven) {
  StreamsBuilder builder;
  builder.stream<Text, Text>("in").print();
  TopologyTestDriver driver(builder.build());
  ::testing::internal::CaptureStdout();
  driver.create_input_topic<Text, Text>("in").pipe_input("a", "one");
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "[KSTREAM-SOURCE-0000000000]: a, one\n");
}

TEST_F(Print, ItsNodesAreNamedAsInJava) {
  StreamsBuilder builder;
  auto in = builder.stream<Text, Text>("in");
  in.print();
  in.print({.name = "printer"});
  in.map_values([](const Text& v) { return v; }).print();
  EXPECT_EQ(builder.build().describe() + "\n", golden("print names"));
}

struct Unprintable {
  int number = 0;
};
struct Printable {
  int number = 0;
};
std::string to_string(const Printable& value) { return "#" + std::to_string(value.number); }

TEST_F(Print, ATypeOfOnesOwnHasTheTextItSays) {
  printed<Text, Text>(texts_, [&](auto&, const auto& in) {
    in.map_values([](const Text& v) { return Printable{static_cast<int>(v.size())}; }).print({.file = file_, .label = "x"});
  });
  EXPECT_EQ(content(), "[x]: a, #3\n[x]: b, null\n[x]: null, #5\n");
}

TEST_F(Print, SaysWhatIsMissing) {
  StreamsBuilder builder;
  auto in = builder.stream<Text, Text>("in");
  const auto refusal = [](const auto& print) {
    try {
      print();
    } catch (const TopologyException& error) {
      return std::string(error.what());
    }
    return std::string("nothing was refused");
  };
  EXPECT_THAT(refusal([&] { in.print({.file = ::testing::TempDir() + "no such folder/file"}); }),
              ::testing::AllOf(HasSubstr("print() cannot write to"), HasSubstr("No such file or directory")));
  EXPECT_THAT(refusal([&] { in.map_values([](const Text&) { return Unprintable{}; }).print(); }),
              ::testing::AllOf(HasSubstr("Unprintable"), HasSubstr("give .key_value_mapper")));
}

// ---------------------------------------------------------------- ProcessorWrapper

/// Writes down what it is given; wraps nothing.
class Seen : public ProcessorWrapper {
 public:
  WrappedProcessorSupplier wrap_processor_supplier(const std::string& name, WrappedProcessorSupplier supplier) const override {
    names.insert(name);
    return supplier;
  }
  WrappedProcessorSupplier wrap_fixed_key_processor_supplier(const std::string& name,
                                                             WrappedProcessorSupplier supplier) const override {
    names.insert(name + " fixed");
    return supplier;
  }
  [[nodiscard]] std::string text() const {
    std::string lines;
    for (const std::string& name : names) lines += name + "\n";
    return lines;
  }
  mutable std::set<std::string> names;
};

class Ends : public Processor<Text, Text> {
  void process(const Record<Text, Text>&) override {}
};
class EndsFixed : public FixedKeyProcessor<Text, Text> {
  void process(const FixedKeyRecord<Text, Text>&) override {}
};
class SameText : public ValueTransformerWithKey<Text, Text, Text> {
  std::optional<Text> transform(const Text&, const Text* value) override {
    return value != nullptr ? std::optional(*value) : std::nullopt;
  }
};

using Write = void (*)(StreamsBuilder&);
const auto kYes = [](const Text&) { return true; };
const auto kSame = [](const Text& v) { return v; };
const auto kFirst = [](const Text& a, const Text&) { return a; };
const auto kLatest = [](const Text&, const Text& v, const Text&) { return v; };
const auto kPlainKey = [](const auto& windowed, const auto&) { return windowed.key; };
const JoinWindows kWindow = JoinWindows::of_time_difference_with_no_grace(milliseconds(10));

const std::map<std::string, Write> kTopologies = {
    {"stateless",
     [](StreamsBuilder& b) {
       auto s = b.stream<Text, Text>("in");
       s.filter(kYes)
           .filter_not([](const Text&) { return false; })
           .map([](const Text& k, const Text& v) { return std::pair(k, v); })
           .map_values(kSame)
           .flat_map([](const Text& k, const Text& v) { return std::vector{std::pair(k, v)}; })
           .flat_map_values([](const Text& v) { return std::vector{v}; })
           .select_key(kSame)
           .peek([](const Text&) {})
           .to("o");
       s.foreach ([](const Text&) {});
       s.print();
       (void)s.merge(b.stream<Text, Text>("in2")).split().branch(kYes).default_branch();
       s.repartition().to("p");
       s.to_table().to_stream().to("q");
     }},
    {"process",
     [](StreamsBuilder& b) {
       b.stream<Text, Text>("in")
           .process([] { return std::make_unique<Ends>(); })
           .process_values([] { return std::make_unique<EndsFixed>(); })
           .to("o");
     }},
    {"aggregations",
     [](StreamsBuilder& b) {
       auto s = b.stream<Text, Text>("in");
       s.group_by_key().count().to_stream().to("o");
       s.group_by(kSame).reduce(kFirst).to_stream().to("p");
       s.group_by_key().aggregate(Text(), kLatest).to_stream().to("q");
       s.group_by_key().cogroup<Text>(kLatest).aggregate(Text()).to_stream().to("r");
     }},
    {"windows",
     [](StreamsBuilder& b) {
       const auto tumbling = TimeWindows::of_size_with_no_grace(milliseconds(10));
       auto g = b.stream<Text, Text>("in").group_by_key();
       g.windowed_by(tumbling)
           .count()
           .suppress(Suppressed::until_window_closes(BufferConfig::unbounded()))
           .to_stream()
           .select_key(kPlainKey)
           .to("o");
       g.windowed_by(SlidingWindows::of_time_difference_with_no_grace(milliseconds(10)))
           .reduce(kFirst)
           .to_stream()
           .select_key(kPlainKey)
           .to("p");
       g.windowed_by(SessionWindows::of_inactivity_gap_with_no_grace(milliseconds(10)))
           .count()
           .to_stream()
           .select_key(kPlainKey)
           .to("q");
       g.cogroup<Text>(kLatest).windowed_by(tumbling).aggregate(Text()).to_stream().select_key(kPlainKey).to("r");
     }},
    {"tables",
     [](StreamsBuilder& b) {
       auto t = b.table<Text, Text>("t");
       t.filter(kYes).map_values(kSame).to_stream().to("o");
       t.transform_values([] { return std::make_unique<SameText>(); }).to_stream().to("p");
       t.group_by([](const Text& k, const Text& v) { return std::pair(v, k); }).count().to_stream().to("q");
       t.suppress(Suppressed::until_time_limit(milliseconds(10), BufferConfig::unbounded())).to_stream().to("r");
     }},
    {"table joins",
     [](StreamsBuilder& b) {
       auto t = b.table<Text, Text>("t");
       auto u = b.table<Text, Text>("u");
       t.join(u, kFirst).to_stream().to("o");
       t.left_join(u, [](const Text& a, const Text*) { return a; }).to_stream().to("p");
       t.outer_join(u, [](const Text*, const Text*) { return Text(); }).to_stream().to("q");
       t.join(u, kSame, kFirst).to_stream().to("r");
     }},
    {"stream joins",
     [](StreamsBuilder& b) {
       auto s = b.stream<Text, Text>("in");
       auto z = b.stream<Text, Text>("in2");
       s.join(z, kFirst, kWindow).to("o");
       s.left_join(
            z, [](const Text& a, const Text*) { return a; }, kWindow)
           .to("p");
       s.join(b.table<Text, Text>("t"), kFirst).to("q");
       s.left_join(
            b.global_table<Text, Text>("g"), [](const Text&, const Text& v) { return v; },
            [](const Text& a, const Text*) { return a; })
           .to("r");
     }},
    {"rekeyed",
     [](StreamsBuilder& b) { b.stream<Text, Text>("in").select_key(kSame).group_by_key().count().to_stream().to("o"); }},
    {"global store",
     [](StreamsBuilder& b) {
       b.add_global_store<Text, Text>(Stores::in_memory_key_value_store("gs"), "g", {},
                                      [] { return std::make_unique<Ends>(); });
       b.stream<Text, Text>("in").to("o");
     }},
};

TEST(ProcessorWrapper, IsGivenTheProcessorsThatJavaGivesIt) {
  for (const auto& [title, write] : kTopologies) {
    const auto seen = std::make_shared<Seen>();
    StreamsBuilder builder;
    write(builder);
    (void)builder.build("none", seen);
    std::string theirs = golden("wrapped " + title);
    EXPECT_EQ(seen->text(), theirs) << title;
  }
  const auto seen = std::make_shared<Seen>();
  TopologyBuilder by_hand;
  by_hand.set_processor_wrapper(seen)
      .add_source<Text, Text>("source", {"in"})
      .add_processor("check", [] { return std::make_unique<Ends>(); }, {"source"})
      .add_sink<Text, Text>("sink", "o", {"check"});
  (void)by_hand.build();
  EXPECT_EQ(seen->text(), golden("wrapped by hand"));
}

/// Counts what each processor gets, with the keys that are texts, and brings a store along.
class Counting : public ProcessorWrapper {
 public:
  struct Counts {
    std::map<std::string, int> records;
    std::map<std::string, std::vector<Text>> keys;
    std::map<std::string, int> closed;
  };
  explicit Counting(std::shared_ptr<Counts> counts) : counts_(std::move(counts)) {}
  WrappedProcessorSupplier wrap_processor_supplier(const std::string&, WrappedProcessorSupplier supplier) const override {
    supplier.prototype = std::make_shared<Node>(supplier, counts_);
    supplier.stores = {Stores::in_memory_key_value_store("of the wrapper")};
    return supplier;
  }

 private:
  class Node : public WrappedProcessor {
   public:
    Node(const WrappedProcessorSupplier& supplier, std::shared_ptr<Counts> counts)
        : WrappedProcessor(supplier), counts_(std::move(counts)) {}
    std::unique_ptr<OperatorNode> clone() const override { return std::unique_ptr<OperatorNode>(new Node(*this)); }
    void init() override {
      (void)connected_store("of the wrapper");
      WrappedProcessor::init();
    }
    void process(const ErasedRecord& record) override {
      ++counts_->records[name()];
      if (const Text* key = key_of<Text>(record)) counts_->keys[name()].push_back(*key);
      EXPECT_EQ(key_of<double>(record), nullptr);
      wrapped().process(record);
    }
    void close() override {
      ++counts_->closed[name()];
      WrappedProcessor::close();
    }

   private:
    std::shared_ptr<Counts> counts_;
  };
  std::shared_ptr<Counts> counts_;
};

/// Keeps the newest value of each key; every ten seconds that of "a" goes on once more.
class Keeps : public Processor<Text, Text> {
 public:
  void init(ProcessorContext<Text, Text>& context) override {
    store_ = context.key_value_store<Text, Text>("kept");
    context.schedule(std::chrono::seconds(10), PunctuationType::kStreamTime, [this](Timestamp now) {
      const Text key = "all";
      this->context().forward(Record<Text, Text>(key, *store_->get("a"), now), "last");
    });
  }
  void process(const Record<Text, Text>& record) override {
    store_->put(record.key(), record.value());
    context().forward(record, "last");
  }

 private:
  std::unique_ptr<KeyValueStore<Text, Text>> store_;
};

TEST(ProcessorWrapper, WhatIsWrappedWorksAsBefore) {
  const auto write = [](StreamsBuilder& b) {
    b.add_state_store(Stores::in_memory_key_value_store("kept"));
    b.stream<Text, Text>("in")
        .process([] { return std::make_unique<Keeps>(); }, {"kept"}, {"keeps"})
        .map_values([](const Text& v) { return v + "!"; }, {"last"})
        .to("out");
    auto t = b.table<Text, Text>("t", {}, {.store_name = "t-store"});
    t.join(b.table<Text, Text>("u"), [](const Text& a, const Text& c) { return a + c; }, {.name = "joined"})
        .to_stream()
        .to("joins");
    b.stream<Text, Text>("in2").group_by(kSame, {.name = "by-value"}).count({.store_name = "counts"}).to_stream().to("totals");
  };
  const auto run = [&](std::shared_ptr<const ProcessorWrapper> wrapper) {
    StreamsBuilder builder;
    write(builder);
    TopologyTestDriver driver(builder.build("none", std::move(wrapper)));
    std::string seen;
    for (const auto& [topic, key, value, time] :
         std::vector<std::tuple<const char*, Text, Text, int>>{{"in", "a", "1", 0},
                                                               {"t", "k", "T", 5},
                                                               {"u", "k", "U", 6},
                                                               {"in2", "x", "w", 7},
                                                               {"in2", "y", "w", 8},
                                                               {"in", "a", "2", 20000}}) {
      driver.create_input_topic<Text, Text>(topic).pipe_input(key, value, Timestamp(time));
      for (const auto& [to, record] : driver.take_sent()) {
        seen += to + " " + record.key.value_or("null") + " " +
                std::to_string(std::hash<Text>()(record.value.value_or("null"))) + " " +
                std::to_string(record.timestamp.value) + "\n";
      }
    }
    return seen;
  };
  const auto counts = std::make_shared<Counting::Counts>();
  const std::string plain = run(nullptr);
  EXPECT_THAT(plain, HasSubstr("joins k"));
  EXPECT_EQ(run(std::make_shared<Counting>(counts)), plain);
  EXPECT_EQ(counts->records["keeps"], 2);
  EXPECT_EQ(counts->records["last"], 4);
  EXPECT_EQ(counts->keys["last"], (std::vector<Text>{"a", "all", "a", "all"}));
  EXPECT_EQ(counts->keys["by-value-repartition-filter"], (std::vector<Text>{"w", "w"}));
  EXPECT_EQ(counts->closed["keeps"], 1);
}

TEST(ProcessorWrapper, AWrapperThatGivesNothingIsRefused) {
  class Forgets : public ProcessorWrapper {
    WrappedProcessorSupplier wrap_processor_supplier(const std::string&, WrappedProcessorSupplier) const override { return {}; }
  };
  StreamsBuilder builder;
  builder.stream<Text, Text>("in").filter(kYes, {"big"}).to("out");
  EXPECT_THAT([&] { (void)builder.build("none", std::make_shared<Forgets>()); },
              ::testing::ThrowsMessage<TopologyException>(
                  "the processor wrapper gives no prototype for \"big\": return the supplier it got"));
}

// ---------------------------------------------------------------- TableJoined

TEST(TableJoined, BothTopicsOfAForeignKeyJoinAreWrittenByItsPartitioners) {
  std::string asked;
  const auto partitioner = [&asked](const char* side) {
    return [&asked, side](std::string_view topic, const Text* key, const void* value,
                          std::int32_t partitions) -> std::optional<std::vector<PartitionId>> {
      asked += std::string(side) + " " + std::string(topic) + " " + (key != nullptr ? *key : "null") +
               (value == nullptr ? " null " : " a value ") + std::to_string(partitions) + "\n";
      return std::vector<PartitionId>{PartitionId(0)};
    };
  };
  StreamsBuilder builder;
  auto t = builder.table<Text, Text>("t");
  auto u = builder.table<Text, Text>("u");
  t.left_join(
       u, [](const Text& v) { return v == "none" ? std::optional<Text>() : std::optional(v); },
       [](const Text& x, const Text* y) { return x + (y != nullptr ? *y : "null"); },
       {.name = "fk", .partitioner = partitioner("mine"), .other_partitioner = partitioner("other")})
      .to_stream()
      .to("o");
  TopologyTestDriver driver(builder.build(), {.application_id = "app"});
  auto left = driver.create_input_topic<Text, Text>("t");
  auto right = driver.create_input_topic<Text, Text>("u");
  right.pipe_input("r", "R");
  left.pipe_input("k", "r");
  left.pipe_input("k", "q");
  right.pipe_input("q", "Q");
  left.pipe_input("m", "none");
  left.pipe_input("k", std::nullopt);
  for (const auto& [key, value] : driver.create_output_topic<Text, Text>("o").read_key_values_to_list()) {
    asked += *key + " " + value.value_or("null") + "\n";
  }
  EXPECT_EQ(asked, golden("partitions of a foreign-key join"));
}

}  // namespace
}  // namespace tidemill
