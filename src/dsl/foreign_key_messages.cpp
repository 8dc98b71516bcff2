#include "dsl/foreign_key_messages.hpp"

#include "base/endian.hpp"
#include "dsl/murmur3.hpp"

namespace tidemill::detail {
namespace {

constexpr std::size_t kHashBytes = 16;
constexpr unsigned kNoHash = 0x80;
constexpr std::uint64_t kHashSeed = 104729;
/// 0: without the partition that asked. Still read, never written: Java's DSL does not tell its serde of `upgrade.from`.
constexpr unsigned kSubscriptionVersion = 1;

[[noreturn]] void throw_damaged(const char* what) {
  throw SerializationException(std::string("a foreign-key join's ") + what + " is damaged");
}

}  // namespace

Bytes hash_of(BytesView row) {
  Bytes bytes;
  for (const std::uint64_t half : murmur3_128(row, kHashSeed)) append_big_endian(bytes, half);
  return bytes;
}

void append_subscription(const Subscription& subscription, Bytes& out) {
  out += static_cast<char>(kSubscriptionVersion | (subscription.hash ? 0 : kNoHash));
  out += static_cast<char>(subscription.instruction);
  if (subscription.hash) out.append(*subscription.hash);
  out.append(subscription.primary_key);
  append_big_endian(out, subscription.partition.value());
}
Subscription read_subscription(BytesView bytes) {
  if (bytes.size() < 2) throw_damaged("subscription");
  const auto head = static_cast<unsigned char>(bytes[0]);
  Subscription subscription;
  subscription.instruction = static_cast<Instruction>(bytes[1]);
  bytes.remove_prefix(2);
  if ((head & kNoHash) == 0) {
    if (bytes.size() < kHashBytes) throw_damaged("subscription");
    subscription.hash = bytes.substr(0, kHashBytes);
    bytes.remove_prefix(kHashBytes);
  }
  if ((head & ~kNoHash) >= kSubscriptionVersion) {
    if (bytes.size() < 4) throw_damaged("subscription");
    subscription.partition = load_big_endian<std::int32_t>(bytes.data() + bytes.size() - 4);
    bytes.remove_suffix(4);
  }
  subscription.primary_key = bytes;
  return subscription;
}

Response response_of(const Subscription& to, OptionalBytesView right) {
  Response response;
  response.bytes += static_cast<char>(to.hash ? 0 : kNoHash);
  if (to.hash) response.bytes.append(*to.hash);
  if (right) response.bytes.append(*right);
  response.partition = to.partition;
  return response;
}

ResponseBytes read_response(BytesView bytes) {
  if (bytes.empty()) throw_damaged("answer");
  ResponseBytes response;
  const bool hashed = (static_cast<unsigned char>(bytes[0]) & kNoHash) == 0;
  bytes.remove_prefix(1);
  if (hashed) {
    if (bytes.size() < kHashBytes) throw_damaged("answer");
    response.hash = bytes.substr(0, kHashBytes);
    bytes.remove_prefix(kHashBytes);
  }
  if (!bytes.empty()) response.right = bytes;
  return response;
}

void append_subscription_prefix(BytesView foreign_key, Bytes& out) {
  append_big_endian(out, static_cast<std::int32_t>(foreign_key.size()));
  out.append(foreign_key);
}

}  // namespace tidemill::detail
