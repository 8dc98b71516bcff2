#include "log/plain_writing.hpp"

#include <utility>

namespace tidemill {

Result<std::unique_ptr<CommitGroup>> plain_commit_group(Log& log, ClientProperties producer_properties,
                                                        MonotonicTime deadline) {
  return log.commit_group({.name = {},  // fences nobody
                           .application_id = {},
                           .guarantee = ProcessingGuarantee::kAtLeastOnce,
                           .producer_properties = std::move(producer_properties)},
                          deadline);
}

Result<TopicHandle> find_or_make_topic(Log& log, LogProducer& producer, const std::string& topic, MonotonicTime deadline) {
  Result<TopicHandle> handle = producer.topic(topic, deadline);
  if (handle || handle.error().kind != ErrorKind::kNotFound || !log.traits().creates_missing_topics) return handle;
  const Result<void> made =
      log.admin().create_topic({.name = topic, .partitions = -1, .replication_factor = -1, .config = {}}, deadline);
  if (!made && made.error().kind != ErrorKind::kAlreadyExists) return made.error();
  return producer.topic(topic, deadline);
}

}  // namespace tidemill
