#include <tidemill/dsl/streams_builder.hpp>
#include <tidemill/processor/timestamp_extractor.hpp>

#include "registry.hpp"

namespace tidemill::vectors {
namespace {

using Pair = std::pair<Text, Text>;

bool starts_with_a(const Text* value) { return value != nullptr && value->starts_with("a"); }

KStream<Text, Text> in(StreamsBuilder& builder, const char* topic = "in") { return builder.stream<Text, Text>(topic); }

Topology filter(const StreamsConfig&) {
  StreamsBuilder builder;
  in(builder).filter([](const Text*, const Text* v) { return starts_with_a(v); }).to("out");
  return builder.build();
}
Topology filter_not(const StreamsConfig&) {
  StreamsBuilder builder;
  in(builder).filter_not([](const Text*, const Text* v) { return starts_with_a(v); }).to("out");
  return builder.build();
}
Topology map(const StreamsConfig&) {
  StreamsBuilder builder;
  in(builder).map([](const Text* k, const Text* v) { return Pair(n(v), cat(k, v)); }).to("out");
  return builder.build();
}
Topology map_values(const StreamsConfig&) {
  StreamsBuilder builder;
  in(builder).map_values([](const Text* v) { return n(v) + "!"; }).to("out");
  return builder.build();
}
Topology map_values_key(const StreamsConfig&) {
  StreamsBuilder builder;
  in(builder).map_values([](const Text* k, const Text* v) { return cat(k, v); }).to("out");
  return builder.build();
}
Topology select_key(const StreamsConfig&) {
  StreamsBuilder builder;
  in(builder)
      .select_key([](const Text*, const Text* v) { return v == nullptr ? std::optional<Text>() : std::optional(first(*v)); })
      .to("out");
  return builder.build();
}
Topology flat_map(const StreamsConfig&) {
  StreamsBuilder builder;
  in(builder)
      .flat_map([](const Text* k, const Text* v) {
        std::vector<Pair> letters;
        for (const char c : v == nullptr ? Text() : *v) {
          const Text letter(1, c);
          letters.emplace_back(letter, cat(k, &letter));
        }
        return letters;
      })
      .to("out");
  return builder.build();
}
/// As Java's String.split: empty parts at the end are left out; an empty text is one empty part.
std::vector<Text> split(const Text& text) {
  std::vector<Text> parts;
  std::size_t begin = 0;
  for (std::size_t at = 0; at <= text.size(); ++at) {
    if (at < text.size() && text[at] != ' ') continue;
    parts.push_back(text.substr(begin, at - begin));
    begin = at + 1;
  }
  while (!text.empty() && !parts.empty() && parts.back().empty()) parts.pop_back();
  return parts;
}
Topology flat_map_values(const StreamsConfig&) {
  StreamsBuilder builder;
  in(builder)
      .flat_map_values([](const Text* v) { return v == nullptr ? std::vector<Text>() : split(*v); })
      .flat_map_values([](const Text* k, const Text* w) {
        return std::vector<Text>{n(w), cat(k, w)};
      })
      .to("out");
  return builder.build();
}
Topology split_default(const StreamsConfig&) {
  StreamsBuilder builder;
  const auto branches = in(builder)
                            .split({.name = "s-"})
                            .branch([](const Text*, const Text* v) { return starts_with_a(v); }, {.name = "a"})
                            .branch([](const Text*, const Text* v) { return v == nullptr; })
                            .default_branch({.name = "rest"});
  const auto& a = branches.at("s-a");
  const auto& two = branches.at("s-2");
  const auto& rest = branches.at("s-rest");
  a.to("out-a");
  two.to("out-null");
  rest.to("out-rest");
  const auto marked = [](const char* mark) { return [mark](const Text* v) { return Text(mark) + n(v); }; };
  auto first_part = a.map_values(marked("a:"));
  auto both = first_part.merge(two.map_values(marked("2:")));
  both.merge(rest.map_values(marked("rest:"))).to("out-all");
  return builder.build();
}
Topology split_no_default(const StreamsConfig&) {
  StreamsBuilder builder;
  const auto branches =
      in(builder)
          .split()
          .branch([](const Text& v) { return v.starts_with("a"); })
          .branch([](const Text& v) { return v.starts_with("b"); })
          .branch([](const Text& v) { return v.empty(); }, {.consumer = [](KStream<Text, Text> s) { s.to("out3"); }})
          .branch([](const Text& v) { return v.starts_with("x"); },
                  {.name = "fn",
                   .function = [](KStream<Text, Text> s) { return s.map_values([](const Text& v) { return v + "!"; }); }})
          .no_default_branch();
  branches.at("KSTREAM-BRANCH-00000000011").to("out1");
  branches.at("KSTREAM-BRANCH-00000000012").to("out2");
  branches.at("KSTREAM-BRANCH-0000000001fn").to("out4");
  return builder.build();
}
Topology sources(const StreamsConfig&) {
  StreamsBuilder builder;
  builder.stream<Text, Text>({"in1", "in2"}).to("out");
  builder.stream<Text, Text>(TopicPattern::compile("p-.*")).map_values([](const Text* v) { return n(v) + "?"; }).to("out-p");
  builder.stream<Text, Text>({"in2", "in1"}).map_values([](const Text* v) { return n(v) + "#"; }).to("out-1");
  return builder.build();
}
Topology topic_name_extractor(const StreamsConfig&) {
  StreamsBuilder builder;
  in(builder).to(TopicNameExtractor<Text, Text>{
      .extract = [](const Text*, const Text* v, const RecordContext&) { return "out-" + first(n(v)); },
      .description = "FirstLetter"});
  return builder.build();
}
Topology partitioner_drop(const StreamsConfig&) {
  StreamsBuilder builder;
  using Partitions = std::optional<std::vector<PartitionId>>;
  in(builder).to("out", {.partitioner = [](std::string_view, const Text* k, const Text*, std::int32_t) -> Partitions {
                   if (k != nullptr && *k == "a") return std::vector<PartitionId>();
                   if (k != nullptr && *k == "b") return std::nullopt;
                   return std::vector{PartitionId(0)};
                 }});
  return builder.build();
}

/// The record's value, eight bytes, is its timestamp.
class ValueIsTime final : public TimestampExtractor {
 public:
  Timestamp extract(const RawRecord& record, Timestamp) const override {
    if (!record.value) return record.context->timestamp;
    return Timestamp(SerdeOf<std::int64_t>::serde().deserialize({}, *record.value));
  }
};
Topology timestamp_extractor(const StreamsConfig&) {
  StreamsBuilder builder;
  builder.stream<Text, std::int64_t>("in", {.timestamp_extractor = std::make_shared<ValueIsTime>()}).to("out");
  return builder.build();
}
template <std::shared_ptr<const TimestampExtractor> (*Extractor)()>
Topology with_extractor(const StreamsConfig&) {
  StreamsBuilder builder;
  builder.stream<Text, Text>("in", {.timestamp_extractor = Extractor()}).to("out");
  return builder.build();
}
Topology timestamp_fail(const StreamsConfig&) {
  StreamsBuilder builder;
  in(builder).to("out");
  return builder.build();
}
class TimestampSeven : public Processor<Text, Text> {
  void process(const Record<Text, Text>& r) override {
    context().forward(r.with_value(n(r.value_or_null()) + "w").with_timestamp(Timestamp(7)));
  }
};
Topology timestamp_wallclock(const StreamsConfig&) {
  StreamsBuilder builder;
  builder.stream<Text, Text>("in", {.timestamp_extractor = wallclock_timestamp_extractor(system_clock())})
      .process([] { return std::make_unique<TimestampSeven>(); })
      .to("out");
  return builder.build();
}
Topology merge(const StreamsConfig&) {
  StreamsBuilder builder;
  auto one = in(builder, "in1");
  auto two = in(builder, "in2");
  auto ones = one.map_values([](const Text* v) { return n(v) + "1"; });
  ones.merge(two.map_values([](const Text* v) { return n(v) + "2"; })).merge(one).to("out");
  return builder.build();
}
Topology peek_foreach(const StreamsConfig&) {
  StreamsBuilder builder;
  auto s = in(builder);
  s.foreach ([](const Text*, const Text*) {});
  s.peek([](const Text*, const Text*) {}).to("out");
  return builder.build();
}
Topology through_topic(const StreamsConfig&) {
  StreamsBuilder builder;
  in(builder).to("mid");
  in(builder, "mid").map_values([](const Text* v) { return n(v) + "!"; }).to("out");
  return builder.build();
}
Topology repartition(const StreamsConfig&) {
  StreamsBuilder builder;
  const auto nullable = [](const Text* text) { return text == nullptr ? std::optional<Text>() : std::optional(*text); };
  in(builder)
      .map([nullable](const Text* k, const Text* v) { return std::pair(nullable(v), nullable(k)); })
      .repartition()
      .map_values([](const Text* v) { return n(v) + "r"; })
      .repartition({.name = "two", .number_of_partitions = 3})
      .to("out");
  return builder.build();
}
Topology serdes(const StreamsConfig&) {
  StreamsBuilder builder;
  using Long = std::int64_t;
  auto s = builder.stream<Long, Long>("in");
  s.map([](const Long& k, const Long& v) {
     return std::pair(static_cast<std::int32_t>(k), static_cast<std::int32_t>(v));
   }).to("out-i32");
  s.map([](const Long& k, const Long& v) {
     return std::pair(static_cast<std::int16_t>(k), static_cast<std::int16_t>(v));
   }).to("out-i16");
  s.map([](const Long& k, const Long& v) {
     return std::pair(static_cast<double>(k) / 2.0, static_cast<double>(v) / 2.0);
   }).to("out-f64");
  s.map([](const Long& k, const Long& v) {
     return std::pair(static_cast<float>(k) / 4.0F, static_cast<float>(v) / 4.0F);
   }).to("out-f32");
  s.map([](const Long& k, const Long& v) { return Pair(std::to_string(k), std::to_string(v)); }).to("out-str");
  s.map([](const Long& k, const Long& v) {
     Pair bytes;
     SerdeOf<Long>::serde().serialize("", k, bytes.first);
     SerdeOf<Long>::serde().serialize("", v, bytes.second);
     return bytes;
   }).to("out-bytes");
  s.map([](const Long& k, const Long& v) { return std::pair(k != 0, v); }).to("out-bool");
  return builder.build();
}

}  // namespace

void add_stateless_topologies(Registry& registry) {
  registry["filter"] = {filter, plain()};
  registry["filter-not"] = {filter_not, plain()};
  registry["map"] = {map, plain()};
  registry["map-values"] = {map_values, plain()};
  registry["map-values-key"] = {map_values_key, plain()};
  registry["select-key"] = {select_key, plain()};
  registry["flat-map"] = {flat_map, plain()};
  registry["flat-map-values"] = {flat_map_values, plain()};
  registry["split-no-default"] = {split_no_default, plain()};
  registry["sources"] = {sources, plain()};
  registry["topic-name-extractor"] = {topic_name_extractor, plain()};
  registry["partitioner-drop"] = {partitioner_drop, plain()};
  registry["timestamp-extractor"] = {timestamp_extractor, plain()};
  registry["timestamp-skip"] = {with_extractor<log_and_skip_on_invalid_timestamp>, plain()};
  registry["timestamp-partition-time"] = {with_extractor<use_partition_time_on_invalid_timestamp>, plain()};
  registry["timestamp-wallclock"] = {timestamp_wallclock, plain()};
  registry["timestamp-fail"] = {timestamp_fail, plain()};
  registry["split-default"] = {split_default, plain()};
  registry["merge"] = {merge, plain()};
  registry["peek-foreach"] = {peek_foreach, plain()};
  registry["through-topic"] = {through_topic, plain()};
  registry["repartition"] = {repartition, plain()};
  registry["serdes"] = {serdes, plain()};
}

}  // namespace tidemill::vectors
