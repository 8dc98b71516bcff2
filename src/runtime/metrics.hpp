// Counters that one thread writes and any thread reads: a plain addition for the writer, never torn for the reader.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <tidemill/base/types.hpp>

#include "state/store_stack.hpp"

namespace tidemill::runtime {

class Counter {
 public:
  void add(std::uint64_t amount = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  void set(std::uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  void raise_to(std::uint64_t value) {
    if (value > value_.load(std::memory_order_relaxed)) set(value);
  }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// Dropped records by reason. A reason is a literal; there are few.
class DropCounters {
 public:
  static constexpr std::size_t kReasonsMax = 32;
  void add(std::string_view reason) {
    total_.add();
    for (Slot& slot : slots_) {
      const char* name = slot.reason.load(std::memory_order_relaxed);
      if (name == nullptr) {
        slot.length = reason.size();
        slot.count.add();
        slot.reason.store(reason.data(), std::memory_order_release);
        return;
      }
      if (slot.length == reason.size() && std::memcmp(name, reason.data(), reason.size()) == 0) {
        slot.count.add();
        return;
      }
    }
  }
  [[nodiscard]] std::uint64_t total() const { return total_.value(); }
  [[nodiscard]] std::vector<std::pair<std::string_view, std::uint64_t>> by_reason() const {
    std::vector<std::pair<std::string_view, std::uint64_t>> result;
    for (const Slot& slot : slots_) {
      const char* name = slot.reason.load(std::memory_order_acquire);
      if (name == nullptr) break;
      result.emplace_back(std::string_view(name, slot.length), slot.count.value());
    }
    return result;
  }

 private:
  struct Slot {
    std::atomic<const char*> reason{nullptr};
    std::size_t length = 0;
    Counter count;
  };
  Counter total_;
  std::array<Slot, kReasonsMax> slots_;
};

/// What a task tells of itself; outlives the task for who still reads.
struct TaskMetrics {
  explicit TaskMetrics(TaskId task, std::vector<TopicPartition> partitions)
      : id(task), inputs(std::move(partitions)), lag(inputs.size()), position(inputs.size()), committed(inputs.size()) {}
  /// Before others read: of a pattern's topics, which a test names one after the other.
  void add_input(const TopicPartition& partition) {
    inputs.push_back(partition);
    for (std::deque<Counter>* counters : {&lag, &position, &committed}) counters->emplace_back();
  }
  TaskId id;
  DropCounters dropped;
  Counter dead_letters_not_written;  // of global stores
  Counter processed;
  Counter punctuated;
  Counter restored;
  Counter restore_remaining;
  Counter commits;
  Counter buffered_records;
  Counter buffered_bytes;
  struct Store {
    std::string name;
    const char* scope = "";  // of its metrics, in Kafka Streams' words: rocksdb, in-memory
    std::shared_ptr<StoreCounters> counters;
  };
  /// Complete before anybody reads.
  std::vector<Store> stores;
  std::vector<TopicPartition> inputs;
  std::deque<Counter> lag;        // records between position and high watermark, per input
  std::deque<Counter> position;   // next offset to process
  std::deque<Counter> committed;  // next offset, as committed
  /// The clock's time since which the task has had nothing that it may process, plus one; 0: it has something.
  Counter idling_since;
  /// The name of the node that runs user code now; null: none.
  std::atomic<const std::string*> node_at_work{nullptr};
};

struct ThreadMetrics {
  Counter rounds;
  Counter polled_records;
  Counter polled_bytes;
  Counter processed;
  Counter commits;
  Counter aborts;
  Counter commit_nanoseconds;
  Counter commit_nanoseconds_max;
  Counter tasks_created;
  Counter tasks_closed;
  Counter cache_bytes;    // what the record cache takes in memory
  Counter cache_counted;  // as it counts itself, against its budget
};

}  // namespace tidemill::runtime
