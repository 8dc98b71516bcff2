// HostedStore: a store of one's own kind, as its task sees it: a store like any other.
//
// It stands in two places of the layers at once. Above, processors and queries get at the user's object (custom()); below, commit, abort
// and restore meet an engine's store that has no rows. What has no checkpoint is not trusted: it is made anew, in an empty
// directory, and restored from the beginning. What the user's code throws becomes an error with the store's name and its type.
// Used on the task's thread.
#pragma once

#include <memory>

#include <tidemill/base/storage.hpp>
#include <tidemill/processor/operator_node.hpp>

#include "state/store_checkpoint.hpp"
#include "state/store_stack.hpp"

namespace tidemill::runtime {

struct HostedStoreOptions {
  StoreSpec spec;
  TaskContext* task = nullptr;
  /// Null: what is logged goes nowhere, because it is in a topic already.
  ChangelogWriter* changelog = nullptr;
  /// The task's; a persistent store gets one of its own below it.
  std::string directory;
  std::shared_ptr<StoreCounters> counters;
};

class HostedStore final : public LayeredStore, private StateStoreContext, private CustomStoreHost {
 public:
  /// A persistent store commits so often while it is restored.
  static constexpr std::size_t kRestoreCommitBytes = std::size_t{16} << 20;

  /// Makes it, empty or as it was committed. kLocked: another thread still has its directory.
  [[nodiscard]] static Result<std::unique_ptr<HostedStore>> open(HostedStoreOptions options);
  ~HostedStore() override;

  // As commit, restore and abort see it.
  [[nodiscard]] const StoreSpec& spec() const override { return options_.spec; }
  [[nodiscard]] BytesStore& engine_store() override;
  void flush_cache() override;
  void drop_cache() override {}
  [[nodiscard]] Result<void> restore(std::span<const ChangelogRecord> records, const ChangelogPosition& position) override;
  [[nodiscard]] Result<void> restored(const ChangelogPosition& position) override;
  [[nodiscard]] Result<void> reopen() override;

  // As processors and queries see it.
  [[nodiscard]] CustomStore* custom() override;
  bool read_custom(const std::function<void(const CustomStore&)>& job) override;
  bool get(BytesView key, Bytes& value) override;
  void put(BytesView key, OptionalBytesView value, Timestamp timestamp) override;
  std::unique_ptr<BytesIterator> range(const BytesRange& range) override;
  [[nodiscard]] std::uint64_t approximate_num_entries() override { return 0; }
  bool set_flush_listener(CacheFlushListener, bool) override { return false; }

 private:
  class Engine;
  explicit HostedStore(HostedStoreOptions options);

  // StateStoreContext.
  [[nodiscard]] const std::string& application_id() const override { return options_.task->application_id(); }
  [[nodiscard]] const TaskId& task_id() const override { return options_.task->task_id(); }
  [[nodiscard]] const RecordContext* record_context() const override { return options_.task->current; }
  [[nodiscard]] const std::string& state_dir() const override;
  [[nodiscard]] const StreamsMetrics& metrics() const override { return options_.task->streams_metrics(); }
  [[nodiscard]] const std::map<std::string, std::string>& app_configs() const override { return options_.task->app_configs(); }
  [[nodiscard]] bool is_logged() const override;
  void log_change(BytesView key, OptionalBytesView value, Timestamp timestamp) override;

  [[nodiscard]] bool persistent() const { return spec().engine == StoreEngineKind::kPersistent; }
  [[nodiscard]] Result<void> take_directory();
  [[nodiscard]] Result<void> remove_gone();
  [[nodiscard]] Result<bool> directory_is_empty() const;
  /// A new object; what it proves to have is its position.
  [[nodiscard]] Result<void> make();
  [[nodiscard]] Result<void> begin();
  [[nodiscard]] Result<void> begin_empty();
  [[nodiscard]] Result<void> commit(const ChangelogPosition& changelog, const Position& position);
  [[nodiscard]] Result<void> clear();
  void close();
  /// Runs a member of the user's, which must not log meanwhile.
  template <class F>
  [[nodiscard]] Result<void> run(const char* what, F&& fn);
  [[nodiscard]] Error with_name(const Error& error) const;
  [[noreturn]] void throw_not_rows() const;

  HostedStoreOptions options_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Storage> storage_;  // of the store's own folder; null: it is not persistent
  std::unique_ptr<DirectoryLock> lock_;
  std::string data_directory_;
  std::unique_ptr<CustomStore> store_;  // null: not open
  std::optional<ChangelogPosition> durable_;
  Position position_;
  std::size_t logged_bytes_ = 0;    // since the last commit
  std::size_t restored_bytes_ = 0;  // since the last commit
  bool untouched_ = true;           // as begin_empty() would leave it
  const char* inside_ = nullptr;    // a member that must not log
};

}  // namespace tidemill::runtime
