// Java's bytes, format by format: formats.json. Every row of every section is looked at, written and, where that is possible, read back;
// a section that is not known here fails.
#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>

#include <nlohmann/json.hpp>

#include <tidemill/base/partitioner.hpp>
#include <tidemill/dsl/table_group_nodes.hpp>
#include <tidemill/serde/list_serde.hpp>
#include <tidemill/serde/serdes.hpp>
#include <tidemill/serde/windowed.hpp>
#include <tidemill/state/key_value_store.hpp>
#include <tidemill/state/outer_join_store.hpp>
#include <tidemill/state/window_bytes.hpp>

#include "base/endian.hpp"
#include "base/murmur2.hpp"
#include "dsl/foreign_key_messages.hpp"
#include "dsl/murmur3.hpp"
#include "runtime/offset_metadata.hpp"
#include "state/buffered_change.hpp"

namespace tidemill {
namespace {

using json = nlohmann::json;
using Text = std::string;

Bytes from_base64(const Text& text) {
  static const Text kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  Bytes bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char letter : text) {
    if (letter == '=') break;
    bits = bits << 6 | static_cast<std::uint32_t>(kLetters.find(letter));
    if ((count += 6) >= 8) bytes += static_cast<char>(bits >> (count -= 8));
  }
  return bytes;
}
Bytes blob(const json& row, const char* field = "bytes") { return from_base64(row.at(field).get<Text>()); }
OptionalBytes optional_blob(const json& row, const char* field) {
  return row.at(field).is_null() ? std::nullopt : OptionalBytes(blob(row, field));
}
OptionalBytes optional_text(const json& row, const char* field) {
  return row.at(field).is_null() ? std::nullopt : OptionalBytes(row.at(field).get<Text>());
}
/// A number, also where it is written as a text because no double has it.
std::int64_t number(const json& value) { return value.is_string() ? std::stoll(value.get<Text>()) : value.get<std::int64_t>(); }
Timestamp time(const json& row, const char* field) { return Timestamp(number(row.at(field))); }

template <class T>
T parsed(const Text& text) {
  if constexpr (std::is_same_v<T, Text>) {
    return text;
  } else if constexpr (std::is_same_v<T, bool>) {
    return text == "true";
  } else if constexpr (std::is_same_v<T, float>) {
    return std::strtof(text.c_str(), nullptr);
  } else if constexpr (std::is_same_v<T, double>) {
    return std::strtod(text.c_str(), nullptr);
  } else if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(std::stoll(text));
  } else {  // hexadecimal digits
    Bytes bytes;
    Text digits = text;
    std::erase(digits, '-');
    for (std::size_t i = 0; i < digits.size(); i += 2) bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
    if constexpr (std::is_same_v<T, ByteArray>) {
      return {bytes};
    } else {
      Uuid uuid;
      std::copy(bytes.begin(), bytes.end(), uuid.bytes.begin());
      return uuid;
    }
  }
}

template <class T>
void expect_bytes(const T& value, const Bytes& bytes) {
  const Serde<T> serde = SerdeOf<T>::serde();
  Bytes written;
  serde.serialize("topic", value, written);
  EXPECT_EQ(written, bytes);
  Bytes again;
  serde.serialize("topic", serde.deserialize("topic", bytes), again);  // NaN is not equal to itself
  EXPECT_EQ(again, bytes);
}
template <class T>
void check_serde(const json& row) {
  expect_bytes<T>(parsed<T>(row.at("value").get<Text>()), blob(row));
}
template <class T>
void check_list(const json& row) {
  std::vector<std::optional<T>> list;
  for (const json& element : row.at("value")) {
    list.push_back(element.is_null() ? std::nullopt : std::optional<T>(parsed<T>(element.get<Text>())));
  }
  expect_bytes(list, blob(row));
}
void check_void(const json& row) {
  EXPECT_TRUE(row.at("value").is_null());
  EXPECT_TRUE(row.at("bytes").is_null());  // null, not no bytes: there is nothing to write
}
void serde(const json& row) {
  static const std::map<Text, std::function<void(const json&)>> checks = {{"string", check_serde<Text>},
                                                                          {"int64", check_serde<std::int64_t>},
                                                                          {"int32", check_serde<std::int32_t>},
                                                                          {"int16", check_serde<std::int16_t>},
                                                                          {"float64", check_serde<double>},
                                                                          {"float32", check_serde<float>},
                                                                          {"bool", check_serde<bool>},
                                                                          {"uuid", check_serde<Uuid>},
                                                                          {"bytes", check_serde<ByteArray>},
                                                                          {"list<string>", check_list<Text>},
                                                                          {"list<int64>", check_list<std::int64_t>},
                                                                          {"list<int32>", check_list<std::int32_t>},
                                                                          {"list<int16>", check_list<std::int16_t>},
                                                                          {"list<float64>", check_list<double>},
                                                                          {"list<uuid>", check_list<Uuid>},
                                                                          {"void", check_void}};
  const auto found = checks.find(row.at("type").get<Text>());
  ASSERT_NE(found, checks.end()) << "there is no such type here";
  found->second(row);
}

// The forms that begin with the time or with a byte in front of the key are those of Java's RocksDB segments, which stay in its files.
void windowed_key(const json& row) {
  const Windowed<Text> key{row.at("key").get<Text>(), {time(row, "start"), time(row, "end")}};
  EXPECT_EQ(to_string(key), row.at("text").get<Text>());
  const std::chrono::milliseconds size(key.window.end.value - key.window.start.value);
  const auto windowed = time_windowed_serde<Text>(size);
  Bytes bytes;
  windowed.serialize("", key, bytes);
  EXPECT_EQ(bytes, blob(row, "topic"));
  EXPECT_EQ(windowed.deserialize("", bytes), key);
  for (const auto& [field, sequence] : {std::pair("store_seq0", 0), std::pair("store_seq7", 7)}) {
    bytes.clear();
    append_window_key(key.key, key.window.start, sequence, bytes);
    EXPECT_EQ(bytes, blob(row, field));
    EXPECT_EQ(split_window_key(bytes).key, key.key);
    EXPECT_EQ(split_window_key(bytes).start, key.window.start);
  }
}
void session_key(const json& row) {
  const Windowed<Text> key{row.at("key").get<Text>(), {time(row, "start"), time(row, "end")}};
  EXPECT_EQ(to_string(key), row.at("text").get<Text>());
  const auto windowed = session_windowed_serde<Text>();
  Bytes bytes;
  windowed.serialize("", key, bytes);
  EXPECT_EQ(bytes, blob(row, "topic"));
  EXPECT_EQ(windowed.deserialize("", bytes), key);
  bytes.clear();
  append_session_key(key.key, key.window, bytes);
  EXPECT_EQ(bytes, blob(row, "store"));
  EXPECT_EQ(split_session_key(bytes).session, key.window);
}

void timestamped_value(const json& row) {
  Bytes bytes;
  append_timestamp(time(row, "ts"), bytes);
  bytes += row.at("value").get<Text>();
  EXPECT_EQ(bytes, blob(row));
  expect_bytes(ValueAndTimestamp<Text>{row.at("value").get<Text>(), time(row, "ts")}, bytes);
}
void join_outer_store(const json& row) {
  const Text key = row.at("key").get<Text>();
  const bool left = row.at("left").get<bool>();
  Bytes bytes;
  append_outer_join_row({time(row, "ts"), left, key}, bytes);
  EXPECT_EQ(bytes, blob(row, "key_bytes"));
  EXPECT_EQ(split_outer_join_row(bytes).key, key);
  EXPECT_EQ(Bytes(1, left ? '\1' : '\0') + row.at("value").get<Text>(), blob(row, "value_bytes"));
}
void suppress_value(const json& row) {
  BufferedChange change;
  change.timestamp = time(row, "ts");
  change.offset = Offset(number(row.at("offset")));
  change.source = TopicPartition{row.at("topic").get<Text>(), PartitionId(row.at("partition").get<std::int32_t>())};
  for (const json& header : row.at("headers")) {
    change.headers.add(header.at(0).get<Text>(),
                       header.at(1).is_null() ? std::nullopt : OptionalBytes(from_base64(header.at(1).get<Text>())));
  }
  change.prior = optional_blob(row, "prior");
  change.old_value = optional_blob(row, "old");
  change.new_value = optional_blob(row, "new");
  Bytes bytes;
  append_buffered_change(change, bytes);
  append_big_endian(bytes, number(row.at("buffer_time")));
  EXPECT_EQ(bytes, blob(row));
  const Bytes headers = logged_change_headers().encode();
  const ChangelogRecord record{.key = "k", .value = bytes, .timestamp = Timestamp(0), .headers = headers};
  const LoggedChange read = read_logged_change(record, std::nullopt).value();
  EXPECT_EQ(read.time, time(row, "buffer_time"));
  Bytes again;
  append_buffered_change(read.change, again);
  append_big_endian(again, read.time.value);
  EXPECT_EQ(again, bytes);
  EXPECT_EQ(change.memory_estimate(), number(row.at("memory_estimate")));
}
void change(const json& row) {
  const OptionalBytes now = optional_text(row, "new");
  const OptionalBytes old = optional_text(row, "old");
  Bytes bytes;
  detail::append_change(to_view(now), to_view(old), bytes);
  EXPECT_EQ(bytes, blob(row));
  const detail::ChangeBytes read = detail::split_change(bytes);
  EXPECT_EQ(read.new_value, to_view(now));
  EXPECT_EQ(read.old_value, to_view(old));
}

void murmur2_of_keys(const json& row) {
  const Bytes key = from_base64(row.at("key").get<Text>());
  EXPECT_EQ(murmur2(key), row.at("murmur2").get<std::int32_t>());
  for (const auto& [count, partition] : row.at("partitions").items()) {
    EXPECT_EQ(partition_for_key(key, std::stoi(count)).value, partition.get<std::int32_t>());
  }
}
void windowed_partition(const json& row) {
  const auto serde = time_windowed_serde<Text>(std::chrono::milliseconds(10));
  Bytes bytes;
  serde.serialize("", {row.at("key").get<Text>(), {Timestamp(0), Timestamp(10)}}, bytes);
  const auto count = row.at("count").get<std::int32_t>();
  EXPECT_EQ(partition_for_key(BytesView(bytes).substr(0, bytes.size() - serde.partition_suffix()), count).value,
            row.at("partition_of_windowed_key").get<std::int32_t>());
  EXPECT_EQ(partition_for_key(row.at("key").get<Text>(), count).value, row.at("partition_of_plain_key").get<std::int32_t>());
}
void murmur3(const json& row) {
  const auto hash = detail::murmur3_128(from_base64(row.at("data").get<Text>()), row.at("seed").get<std::uint64_t>());
  for (std::size_t half = 0; half < hash.size(); ++half) {
    EXPECT_EQ(static_cast<std::int64_t>(hash[half]), number(row.at("hash").at(half)));
  }
}

OptionalBytes hash_in(const json& row) {
  const OptionalBytes of = optional_text(row, "hash_of");
  return of ? OptionalBytes(detail::hash_of(*of)) : std::nullopt;
}
// Version 0, without the partition, is read and not written.
void fk_subscription(const json& row) {
  const OptionalBytes hash = hash_in(row);
  const Text key = row.at("primary_key").get<Text>();
  const Bytes bytes = blob(row);
  const detail::Subscription read = detail::read_subscription(bytes);
  EXPECT_EQ(static_cast<int>(read.instruction), row.at("instruction").get<int>());
  EXPECT_EQ(read.hash, to_view(hash));
  EXPECT_EQ(read.primary_key, key);
  EXPECT_EQ(read.partition.has_value(), row.at("version").get<int>() == 1);
  if (!read.partition) return;
  EXPECT_EQ(*read.partition, row.at("primary_partition").get<std::int32_t>());
  Bytes written;
  detail::append_subscription(read, written);
  EXPECT_EQ(written, bytes);
}
void fk_response(const json& row) {
  const OptionalBytes hash = hash_in(row);
  const OptionalBytes value = optional_text(row, "value");
  const detail::Response response =
      detail::response_of({.hash = to_view(hash), .primary_key = "k", .partition = std::nullopt}, to_view(value));
  EXPECT_EQ(response.bytes, blob(row));
  const detail::ResponseBytes read = detail::read_response(response.bytes);
  EXPECT_EQ(read.hash, to_view(hash));
  EXPECT_EQ(read.right.value_or(""), value.value_or(""));
}
void fk_combined_key(const json& row) {
  Bytes prefix;
  detail::append_subscription_prefix(row.at("foreign_key").get<Text>(), prefix);
  EXPECT_EQ(prefix, blob(row, "prefix"));
  EXPECT_EQ(prefix + row.at("primary_key").get<Text>(), blob(row));
}
void committed_metadata(const json& row) {
  runtime::ProcessorMetadata processors;
  for (const auto& [name, value] : row.at("processors").items()) processors[name] = number(value);
  const Text text = row.at("text").get<Text>();
  EXPECT_EQ(runtime::encode_offset_metadata(time(row, "partition_time"), processors), text);
  const runtime::OffsetMetadata read = runtime::decode_offset_metadata(text);
  EXPECT_EQ(read.partition_time, time(row, "partition_time"));
  EXPECT_EQ(read.processors, processors);
}

TEST(Formats, AreJavas) {
  const std::map<Text, std::function<void(const json&)>> checks = {{"serde", serde},
                                                                   {"windowed_key", windowed_key},
                                                                   {"session_key", session_key},
                                                                   {"timestamped_value", timestamped_value},
                                                                   {"join_outer_store", join_outer_store},
                                                                   {"suppress_value", suppress_value},
                                                                   {"change", change},
                                                                   {"murmur2", murmur2_of_keys},
                                                                   {"windowed_partition", windowed_partition},
                                                                   {"murmur3_128", murmur3},
                                                                   {"fk_subscription", fk_subscription},
                                                                   {"fk_response", fk_response},
                                                                   {"fk_combined_key", fk_combined_key},
                                                                   {"committed_metadata", committed_metadata}};
  const std::map<Text, const char*> not_ours = {
      {"window_scan_bounds", "how Java walks the segments of its RocksDB stores; ours lie otherwise in their files"},
      {"versioned_segment_row", "a row in the files of Java's RocksDB stores; changelogs have versions one by one"},
      {"position", "what a store has seen leaves the process in no such form"},
      {"checkpoint_file", "a file beside Java's stores; ours keep their position among their rows"},
      {"subscription_info",
       "members of an application say what they have in a form of their own, under a protocol name of its own"},
      {"assignment_info", "as subscription_info"}};
  std::ifstream file(FORMATS);
  const json formats = json::parse(file);
  std::size_t rows = 0;
  for (const auto& [section, content] : formats.items()) {
    const auto check = checks.find(section);
    ASSERT_TRUE(check != checks.end() || not_ours.contains(section)) << section << " is not known here";
    if (check == checks.end()) continue;
    for (const json& row : content) {
      SCOPED_TRACE(section + " " + row.dump().substr(0, 200));
      ASSERT_NO_THROW(check->second(row));
      ++rows;
    }
  }
  EXPECT_EQ(formats.size(), checks.size() + not_ours.size()) << "a section is missing";
  EXPECT_GT(rows, 380U);
}

}  // namespace
}  // namespace tidemill
