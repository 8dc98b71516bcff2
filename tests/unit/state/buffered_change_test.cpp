// The changelog of suppress() in all forms that Java has written: java/logged_changes.txt is what its reader made of them.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "state/buffered_change.hpp"

namespace tidemill {
namespace {

Bytes from_hex(const std::string& digits) {
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
    bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  return bytes;
}
std::string shown(const OptionalBytes& bytes) { return bytes ? "'" + *bytes + "'" : "null"; }
OptionalBytes from_text(const std::string& text) {
  return text == "null" ? std::nullopt : OptionalBytes(text.substr(1, text.size() - 2));
}
Headers headers_of(const std::string& form) {
  Headers headers;
  if (form == "0") {
    headers.add("own", Bytes("header"));
  } else {
    headers.add("v", Bytes(1, static_cast<char>(form[0] - '0')));
  }
  return headers;
}

TEST(LoggedChange, IsReadInEveryFormAsJavaReadsIt) {
  std::ifstream answers(TIDEMILL_JAVA "/logged_changes.txt");
  int lines = 0;
  for (std::string line; std::getline(answers, line); ++lines) {
    SCOPED_TRACE(line);
    std::istringstream words(line);
    std::string form;
    std::string held;
    std::string value;
    words >> form >> held >> value;
    std::string expected;
    std::getline(words, expected);
    const Bytes bytes = from_hex(value);
    const Bytes headers = headers_of(form).encode();
    const TopicPartition changelog{"app-s-changelog", PartitionId(3)};
    const Result<LoggedChange> read = read_logged_change({.key = "key",
                                                          .value = bytes,
                                                          .timestamp = Timestamp(12345),
                                                          .offset = Offset(77),
                                                          .headers = headers,
                                                          .changelog = &changelog},
                                                         from_text(held));
    ASSERT_TRUE(read) << read.error().message;
    const BufferedChange& change = read->change;
    std::string of_headers;
    for (const Header& header : change.headers) of_headers += header.key + "=" + shown(header.value) + ";";
    EXPECT_EQ(" " + std::to_string(read->time.value) + " " + std::to_string(change.timestamp.value) + " " +
                  std::to_string(change.offset.value) + " " + to_string(change.source.value()) + " [" + of_headers + "] " +
                  shown(change.prior) + " " + shown(change.old_value) + " " + shown(change.new_value),
              expected);
  }
  EXPECT_EQ(lines, 84);
}

TEST(LoggedChange, OfAnUnknownFormOrDamagedIsAnError) {
  const auto error = [](const Bytes& version, const Bytes& value) {
    Headers headers;
    headers.add("v", version);
    const Bytes encoded = headers.encode();
    return read_logged_change({.key = "key", .value = value, .timestamp = Timestamp(0), .headers = encoded}, std::nullopt)
        .error();
  };
  EXPECT_EQ(error(Bytes(1, 4), "x").kind, ErrorKind::kUnsupported);
  EXPECT_NE(error(Bytes(1, 4), "x").message.find("version 0x04"), std::string::npos);
  EXPECT_EQ(error("", "x").kind, ErrorKind::kUnsupported);
  for (const char version : {1, 2, 3}) EXPECT_EQ(error(Bytes(1, version), "x").kind, ErrorKind::kCorruption);
}

}  // namespace
}  // namespace tidemill
