// LogChangelogWriter: where the changes of one task's stores leave to: `<application id>-<store>-changelog`, the task's
// partition, through the thread's producer. Used on the task's thread.
#pragma once

#include <string>
#include <vector>

#include <tidemill/base/clock.hpp>
#include <tidemill/state/state_store.hpp>

#include "runtime/producer_gate.hpp"

namespace tidemill::runtime {

class LogChangelogWriter final : public ChangelogWriter {
 public:
  LogChangelogWriter(ProducerGate& gate, const Clock& clock, std::string application_id, PartitionId partition,
                     std::uint32_t task_number)
      : gate_(gate),
        clock_(clock),
        application_id_(std::move(application_id)),
        partition_(partition),
        cookie_(std::uint64_t{task_number} << 32 | 0xffffffffU) {}

  using ChangelogWriter::append;
  void append(const std::string& store, BytesView key, OptionalBytesView value, Timestamp timestamp,
              const Headers& headers) override;

 private:
  struct Target {
    const std::string* store = nullptr;  // the same object for the life of the store
    std::string name;
    TopicHandle handle = -1;
    std::uint64_t incarnation = 0;
  };
  Target& target(const std::string& store);
  void resolve(Target& target);

  ProducerGate& gate_;
  const Clock& clock_;
  std::string application_id_;
  PartitionId partition_;
  std::uint64_t cookie_;
  std::vector<Target> targets_;
};

}  // namespace tidemill::runtime
