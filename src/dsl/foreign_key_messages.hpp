// What the two sides of a foreign-key join send to each other, and the key under which the right one remembers who asked: Java's
// bytes.
//
//   subscription   version, with bit 7 where there is no hash; instruction; hash; primary key; the partition that asked
//   response       bit 7 where there is no hash; hash; the right row's value, nothing where there is no row
//   in the store   size of the foreign key, foreign key, primary key
#pragma once

#include <tidemill/dsl/foreign_key_nodes.hpp>

namespace tidemill::detail {

enum class Instruction : std::uint8_t {
  kDelete = 0,           // nobody waits for an answer
  kDeleteAndAnswer = 1,  // the answer is null
  kAnswerAlways = 2,     // null where there is no right row
  kAnswerWithRow = 3,    // only where there is one
};

/// Of the row's bytes: murmur3, two big-endian numbers.
[[nodiscard]] Bytes hash_of(BytesView row);

struct Subscription {
  Instruction instruction = Instruction::kDelete;
  OptionalBytesView hash;
  BytesView primary_key;
  std::optional<std::int32_t> partition;  // that asked
};
void append_subscription(const Subscription& subscription, Bytes& out);
/// SerializationException: damaged. Reads version 0, too, which does not say which partition asked.
[[nodiscard]] Subscription read_subscription(BytesView bytes);

/// What goes from node to sink: the message and where it is to go.
struct Response {
  Bytes bytes;
  std::optional<std::int32_t> partition;
};
[[nodiscard]] Response response_of(const Subscription& to, OptionalBytesView right);
struct ResponseBytes {
  OptionalBytesView hash;
  /// A value of no bytes and none are the same here.
  OptionalBytesView right;
};
/// SerializationException: damaged.
[[nodiscard]] ResponseBytes read_response(BytesView bytes);

/// What all keys in the store of one foreign key begin with.
void append_subscription_prefix(BytesView foreign_key, Bytes& out);

}  // namespace tidemill::detail
