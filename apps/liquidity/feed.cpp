#include "liquidity/feed.hpp"

#include <tidemill/base/partitioner.hpp>

#include <fstream>
#include <map>

namespace liquidity {
namespace {

using tidemill::MonotonicTime;
using tidemill::SendStatus;

constexpr const char* kGroup = "liquidity-input";
constexpr std::int64_t kLinesPerCommit = 5000;
constexpr std::chrono::seconds kPatience{60};

MonotonicTime deadline() { return tidemill::system_clock().now().monotonic + kPatience; }

}  // namespace

void read_topic(tidemill::Log& log, const std::string& topic, const std::function<void(TopicRecord&&)>& each) {
  auto description = log.admin().describe_topic(topic, deadline());
  if (!description && description.error().kind == tidemill::ErrorKind::kNotFound) return;
  const std::int32_t partitions = std::move(description).value().partitions;
  std::vector<std::pair<tidemill::TopicPartition, tidemill::Offset>> from;
  std::map<tidemill::TopicPartition, tidemill::Offset> ends;
  std::vector<tidemill::TopicPartition> ids;
  for (std::int32_t p = 0; p < partitions; ++p) ids.push_back({topic, tidemill::PartitionId(p)});
  for (const auto& offsets : log.admin().offsets(ids, deadline()).value()) {
    if (offsets.start < offsets.last_stable) {
      from.emplace_back(offsets.partition, offsets.start);
      ends[offsets.partition] = offsets.last_stable;
    }
  }
  auto consumer = log.consumer(tidemill::Isolation::kReadCommitted).value();
  consumer->assign(from).value();
  constexpr std::size_t kPollBytes = 4 << 20;
  while (!ends.empty()) {
    auto polled = consumer->poll(kPollBytes).value();
    for (const auto& error : polled.errors) throw tidemill::ResultException(error.error);
    for (const auto& batch : polled.batches) {
      for (const auto& record : batch->records) {
        each({batch->partition->partition, record.offset, record.timestamp, tidemill::to_owned(record.key),
              tidemill::to_owned(record.value), tidemill::Headers::decode(record.headers).value()});
      }
    }
    for (auto end = ends.begin(); end != ends.end();) {
      const bool done = consumer->position(end->first).value() >= end->second;
      end = done ? ends.erase(end) : std::next(end);
    }
    if (!ends.empty() && polled.batches.empty()) consumer->wait(deadline());
  }
}

void create_topics(tidemill::Log& log) {
  for (const char* topic : {topics::kAccounts, topics::kLimits, topics::kTransactions}) {
    auto created = log.admin().create_topic({.name = topic, .partitions = -1, .replication_factor = -1, .config = {}},
                                            deadline());
    if (!created && created.error().kind != tidemill::ErrorKind::kAlreadyExists) {
      throw tidemill::ResultException(created.error());
    }
  }
}

struct Feed::Impl {
  std::shared_ptr<tidemill::Log> log;
  std::unique_ptr<tidemill::CommitGroup> group;
  std::unique_ptr<tidemill::LogProducer> producer;
  std::map<std::string, tidemill::TopicHandle> handles;
  std::unique_ptr<tidemill::Membership> membership;
  Reader reader;

  void send(const char* topic, const std::string& key, const std::string& value, std::int64_t time_ms) {
    auto found = handles.find(topic);
    if (found == handles.end()) found = handles.emplace(topic, producer->topic(topic, deadline()).value()).first;
    const std::int32_t partitions = producer->partition_count(found->second);
    tidemill::ProducerRecord record;
    record.topic = found->second;
    record.partition = tidemill::partition_for_key(key, partitions);
    record.timestamp = tidemill::Timestamp(time_ms);
    record.key = key;
    record.value = value;
    while (true) {
      const SendStatus status = producer->send(record);
      if (status == SendStatus::kAccepted) return;
      if (status == SendStatus::kFailed) throw tidemill::ResultException(producer->last_error());
      producer->dispatch();
    }
  }
};

Feed::Feed(std::shared_ptr<tidemill::Log> log) : impl_(new Impl) {
  impl_->log = std::move(log);
  impl_->group = impl_->log->commit_group({.name = kGroup, .application_id = kGroup,
                                           .guarantee = tidemill::ProcessingGuarantee::kExactlyOnceV2,
                                           .producer_properties = {}, .consumer_properties = {}}, deadline()).value();
  impl_->producer = impl_->group->producer();
  impl_->membership = impl_->log->membership(kGroup).value();
}
Feed::~Feed() = default;

void Feed::add(const Account& account) { impl_->send(topics::kAccounts, account.account, to_json(account), 0); }
void Feed::add(const Limit& limit) {
  impl_->send(topics::kLimits, client_key(limit.client, limit.currency), to_json(limit), 0);
}
void Feed::add(const Transaction& transaction) {
  impl_->send(topics::kTransactions, transaction.id, to_json(transaction), transaction.time_ms);
}
void Feed::add_raw_transaction(const std::string& key, const std::string& json, std::int64_t time_ms) {
  impl_->send(topics::kTransactions, key, json, time_ms);
}

void Feed::commit(const std::string& name, std::int64_t mark) {
  impl_->producer->dispatch();
  if (!name.empty()) {
    tidemill::CommitPosition position;
    position.partition = {name, tidemill::PartitionId(0)};
    position.offset = tidemill::Offset(mark);
    impl_->group->stage(std::span(&position, 1)).value();
  }
  (void)impl_->group->flush(deadline()).value();
  const auto result = impl_->group->commit({.group = kGroup, .member_id = {}, .instance_id = {}}, deadline());
  if (result.outcome != tidemill::CommitOutcome::kCommitted) throw tidemill::ResultException(result.error);
}

std::int64_t Feed::mark(const std::string& name) {
  const tidemill::TopicPartition id{name, tidemill::PartitionId(0)};
  const auto committed = impl_->membership->committed(std::span(&id, 1), deadline()).value();
  return committed.empty() ? 0 : committed.front().offset.value;
}

void Feed::load_reference_data(const std::string& directory) {
  const auto load = [&](const char* file, const char* topic, const auto& parse) {
    const std::string path = directory + "/" + file;
    std::ifstream in(path, std::ios::binary);
    if (!in) throw BadInput(path + " cannot be opened: the input directory holds accounts.ndjson, limits.ndjson, transactions.ndjson");
    std::map<std::string, std::string> there;
    read_topic(*impl_->log, topic, [&](TopicRecord&& record) {
      if (record.key && record.value) there[*record.key] = *record.value;
    });
    std::string line;
    for (std::int64_t number = 1; std::getline(in, line); ++number) {
      if (line.empty()) continue;
      try {
        const auto [key, json] = parse(line);
        if (const auto old = there.find(key); old != there.end() && old->second == json) continue;
        impl_->send(topic, key, json, 0);
      } catch (const BadInput& problem) {
        throw BadInput(path + ", line " + std::to_string(number) + ": " + problem.what());
      }
    }
  };
  load("accounts.ndjson", topics::kAccounts, [&](const std::string& line) {
    const Account account = impl_->reader.account(line);
    return std::pair(account.account, to_json(account));
  });
  load("limits.ndjson", topics::kLimits, [&](const std::string& line) {
    const Limit limit = impl_->reader.limit(line);
    return std::pair(client_key(limit.client, limit.currency), to_json(limit));
  });
  commit();
}

std::int64_t Feed::load_transactions(const std::string& directory,
                                     const std::function<void(std::int64_t, std::int64_t)>& progress) {
  const std::string path = directory + "/transactions.ndjson";
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in) throw BadInput(path + " cannot be opened");
  const std::int64_t size = in.tellg();
  const std::string name = "transactions.ndjson";
  std::int64_t position = mark(name);
  if (position > size) throw BadInput(path + " is shorter than what was read of it before: it must only grow");
  in.seekg(position);
  std::int64_t lines = 0;
  std::string line;
  while (std::getline(in, line)) {
    if (in.eof()) break;  // half a line: whoever writes it has not finished; the next run takes it
    position += static_cast<std::int64_t>(line.size()) + 1;
    if (line.empty()) continue;
    std::string key;
    std::int64_t time_ms = 0;
    try {
      const Transaction transaction = impl_->reader.transaction(line);
      key = transaction.id;
      time_ms = transaction.time_ms;
    } catch (const BadInput&) {
      key = "line-at-" + std::to_string(position);  // the topology refuses it, with the reason
    }
    impl_->send(topics::kTransactions, key, line, time_ms);
    if (++lines % kLinesPerCommit == 0) {
      commit(name, position);
      progress(position, size);
    }
  }
  commit(name, position);
  progress(position, size);
  return lines;
}

}  // namespace liquidity
