#include "runtime/changelog_writer.hpp"

#include <fmt/format.h>

namespace tidemill::runtime {

LogChangelogWriter::Target& LogChangelogWriter::target(const std::string& store) {
  for (Target& known : targets_) {
    if (known.store == &store || known.name == store) {
      if (known.incarnation != gate_.incarnation()) resolve(known);
      return known;
    }
  }
  targets_.push_back({.store = &store, .name = store});
  resolve(targets_.back());
  return targets_.back();
}

void LogChangelogWriter::resolve(Target& target) {
  const std::string topic = fmt::format("{}-{}-changelog", application_id_, target.name);
  const Result<TopicHandle> handle = gate_.producer().topic(topic, clock_.now().monotonic + std::chrono::seconds(30));
  if (!handle) {
    throw StateStoreException(handle.error().with_context(
        fmt::format("the changelog topic \"{}\" of store \"{}\" cannot be written", topic, target.name)));
  }
  target.handle = *handle;
  target.incarnation = gate_.incarnation();
}

void LogChangelogWriter::append(const std::string& store, BytesView key, OptionalBytesView value, Timestamp timestamp,
                                const Headers& headers) {
  const Bytes encoded = headers.empty() ? Bytes() : headers.encode();
  const ProducerRecord record{.topic = target(store).handle,
                              .partition = partition_,
                              .timestamp = timestamp == kNoTimestamp ? clock_.now().wall : timestamp,
                              .key = key,
                              .value = value,
                              .headers = encoded,
                              .cookie = cookie_};
  if (const Result<void> sent = gate_.send(record); !sent) {
    throw StateStoreException(
        sent.error().with_context(fmt::format("a change of store \"{}\" cannot be written to its changelog", store)));
  }
}

}  // namespace tidemill::runtime
