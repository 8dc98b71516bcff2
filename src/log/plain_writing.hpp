// What is written beside an application's transactions, as a dead letter of a thread that ends and an application's own records are:
// through a commit group of one's own, which fences nobody and takes nothing back, into topics that are made where this log's topics
// are made by applications (LogTraits::creates_missing_topics).
#pragma once

#include <memory>
#include <string>

#include <tidemill/log/log.hpp>

namespace tidemill {

[[nodiscard]] Result<std::unique_ptr<CommitGroup>> plain_commit_group(Log& log, ClientProperties producer_properties,
                                                                      MonotonicTime deadline);
/// kNotFound: it is not there, and not for applications to make.
[[nodiscard]] Result<TopicHandle> find_or_make_topic(Log& log, LogProducer& producer, const std::string& topic,
                                                     MonotonicTime deadline);

}  // namespace tidemill
