// The changelog of suppress() in every form that Java has written it, read as Java reads it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include <tidemill/state/change_buffer.hpp>
#include <tidemill/state/key_value_store.hpp>
#include <tidemill/state/state_engine.hpp>

#include "state/buffered_change.hpp"
#include "state/open_store.hpp"

namespace tidemill {
namespace {

Bytes unhex(const std::string& digits) {
  Bytes bytes;
  for (std::size_t at = 1; at + 1 < digits.size(); at += 2)
    bytes += static_cast<char>(std::stoi(digits.substr(at, 2), nullptr, 16));
  return bytes;
}
OptionalBytes bytes_of(const std::string& word) { return word == "-" ? std::nullopt : OptionalBytes(unhex(word)); }
std::string hex(OptionalBytesView bytes) {
  if (!bytes) return "-";
  std::ostringstream out;
  out << 'x' << std::hex;
  for (const char byte : *bytes) out << (static_cast<unsigned char>(byte) >> 4) << (static_cast<unsigned char>(byte) & 15);
  return out.str();
}

/// A line of held_back.txt: record, offset, timestamp, key, value, version.
struct Record {
  Offset offset;
  Timestamp timestamp;
  Bytes key;
  OptionalBytes value;
  Bytes headers;

  explicit Record(const std::string& line) {
    std::istringstream words(line);
    std::string kind, key_word, value_word, version;
    words >> kind >> offset.value >> timestamp.value >> key_word >> value_word >> version;
    key = *bytes_of(key_word);
    value = bytes_of(value_word);
    if (version != "-") say_version(bytes_of(version));
  }
  void say_version(OptionalBytes version) { headers = Headers{{"v", std::move(version)}}.encode(); }
};

class HeldBack : public ::testing::Test {
 protected:
  HeldBack() { open(); }
  void open() {
    StoreSpec spec;
    spec.name = "held-store";
    spec.kind = StoreKind::kChangeBuffer;
    auto engine = in_memory_stores()->open("", {&spec, 1}).value();
    store_ = open_store({.spec = spec, .engine = std::move(engine.front())}, current_);
  }
  Result<void> restore(const Record& record) {
    const ChangelogRecord row{record.key, to_view(record.value), record.timestamp, record.offset, record.headers, &changelog_};
    return store_->restore({&row, 1}, {.offset = record.offset + 1, .epoch = LeaderEpoch(1)});
  }
  ChangeBuffer& buffer() { return *store_->change_buffer(); }
  /// What the lines of held_back.txt say after a record. Empties the buffer.
  std::vector<std::string> contents() {
    const std::string total = "total " + std::to_string(buffer().records()) + " " + std::to_string(buffer().bytes()) + " " +
                              std::to_string(buffer().min_time().value);
    std::vector<std::string> lines;
    while (buffer().records() > 0) {
      const std::string time = std::to_string(buffer().min_time().value);
      bool first = true;
      buffer().evict_while([&first] { return std::exchange(first, false); },
                           [&](const ChangeBuffer::Held& held) {
                             OptionalBytes prior;
                             EXPECT_TRUE(buffer().prior_value(held.key, prior));
                             std::ostringstream line;
                             line << "held " << time << ' ' << hex(held.key) << ' ' << hex(to_view(prior)) << ' '
                                  << hex(held.old_value) << ' ' << hex(held.new_value) << ' ' << held.context->timestamp.value
                                  << ' ' << held.context->offset.value << ' ' << held.context->source->topic << ' '
                                  << held.context->source->partition.value;
                             if (held.context->headers != nullptr) {
                               for (const Header& header : *held.context->headers)
                                 line << ' ' << hex(header.key) << '=' << hex(to_view(header.value));
                             }
                             lines.push_back(line.str());
                           });
    }
    lines.push_back(total);
    return lines;
  }
  const TopicPartition changelog_{"app-held-store-changelog", PartitionId(0)};

 private:
  const RecordContext* current_ = nullptr;
  std::unique_ptr<LayeredStore> store_;
};

std::vector<std::string> java_lines() {
  std::ifstream file(std::filesystem::path(TIDEMILL_JAVA) / "held_back.txt");
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}
std::vector<Record> java_records() {
  std::vector<Record> records;
  for (const std::string& line : java_lines()) {
    if (line.starts_with("record ")) records.emplace_back(line);
  }
  return records;
}

TEST_F(HeldBack, IsRestoredFromWhatEveryVersionOfJavaHasWrittenAsJavaRestoresIt) {
  std::vector<Record> read;
  std::vector<std::string> expected;
  int compared = 0;
  const auto compare = [&] {
    if (expected.empty()) return;
    open();
    for (const Record& record : read) ASSERT_TRUE(restore(record));
    EXPECT_EQ(contents(), expected);
    expected.clear();
    ++compared;
  };
  for (const std::string& line : java_lines()) {
    SCOPED_TRACE(line);
    if (line.starts_with("held ") || line.starts_with("total ")) {
      expected.push_back(line);
      continue;
    }
    compare();
    if (line.starts_with("changelog ")) read.clear();
    if (line.starts_with("record ")) read.emplace_back(line);
    if (line.starts_with("refuses ")) {
      Record record = read.front();
      record.say_version(bytes_of(line.substr(8)));
      open();
      EXPECT_FALSE(restore(record));
    }
  }
  EXPECT_EQ(compared, 6 * 15);
}

TEST_F(HeldBack, SaysWhereItIsOfAVersionThatItDoesNotKnow) {
  Record record = java_records().front();
  record.offset = Offset(17);
  record.say_version("\x04");
  const Result<void> restored = restore(record);
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().kind, ErrorKind::kUnsupported);
  EXPECT_EQ(
      restored.error().message,
      "store \"held-store\", offset 17 of app-held-store-changelog-0: a held-back change has version 0x04, but only versions "
      "up to 3 can be read: a newer program has written it");
  record.say_version(std::nullopt);
  EXPECT_FALSE(restore(record)) << "a header without a value says no version";
}

TEST_F(HeldBack, IsNoChangeWhenAByteIsMissingOrOneTooMany) {
  for (const Record& whole : java_records()) {
    if (!whole.value) continue;
    for (std::size_t size = 0; size <= whole.value->size() + 1; ++size) {
      if (size == whole.value->size()) continue;
      SCOPED_TRACE(hex(to_view(whole.value)) + " as " + std::to_string(size) + " bytes");
      Record other = whole;
      other.value->resize(size);
      open();
      const Result<void> restored = restore(other);
      ASSERT_FALSE(restored);
      EXPECT_EQ(restored.error().kind, ErrorKind::kCorruption);
      EXPECT_THAT(restored.error().message, ::testing::HasSubstr("offset " + std::to_string(whole.offset.value)));
    }
  }
}

TEST_F(HeldBack, IsWrittenAgainInTheThirdForm) {
  for (const Record& record : java_records()) {
    if (!record.value) continue;
    const ChangelogRecord row{record.key, *record.value, record.timestamp, record.offset, record.headers, &changelog_};
    const LoggedChange logged = read_logged_change(row, std::nullopt).value();
    Bytes again;
    append_buffered_change(logged.change, again);
    append_timestamp(logged.time, again);
    const Bytes headers = logged_change_headers().encode();
    const ChangelogRecord written{record.key, again, record.timestamp, record.offset, headers, &changelog_};
    const LoggedChange same = read_logged_change(written, std::nullopt).value();
    EXPECT_EQ(same.time, logged.time);
    EXPECT_EQ(same.change, logged.change);
    EXPECT_TRUE(record.headers != headers || again == *record.value) << hex(again);
  }
}

}  // namespace
}  // namespace tidemill
