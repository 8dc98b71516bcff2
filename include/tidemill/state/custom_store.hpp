// CustomStore: a store of one's own kind: an index, a filter, a database of another's making.
//
//   class WordIndex : public CustomStore {
//    public:
//     void add(const std::string& word, const std::string& document) {
//       documents_[word].insert(document);
//       context().log_change(word + '\n' + document, BytesView());
//     }
//     void restore(std::span<const ChangelogRecord> records) override { for (const auto& record : records) ... }
//   };
//   builder.add_state_store(Stores::custom<WordIndex>("index"));
//   context.custom_store<WordIndex>("index").add("tide", "d-1");   // in a processor that is connected to it
//
// The object of a task is made, initialized, restored from its changelog, used, and closed, all on the task's thread: it needs no
// locks. That of a global store has one thread at a time, and not always the same one. After an abort it is closed without a commit, and
// another one begins where the last commit left it: see committed(). One without a changelog begins empty, unless it proves a commit.
// What a member throws ends the task; within a processor's process() it goes the way of what the processor throws.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include <tidemill/base/bytes.hpp>
#include <tidemill/base/record_context.hpp>
#include <tidemill/base/type_tag.hpp>
#include <tidemill/base/types.hpp>

namespace tidemill {

class StreamsMetrics;

/// A record of a store's changelog, as it is read back.
struct ChangelogRecord {
  BytesView key;
  OptionalBytesView value;
  Timestamp timestamp;
  Offset offset = kNoOffset;
  /// Encoded (see Headers); empty: none.
  BytesView headers = {};
  /// Where it was read.
  const TopicPartition* changelog = nullptr;
};

/// A store's way to its task. Lives as long as the store; used within its members, and within what processors do with it.
class StateStoreContext {
 public:
  virtual ~StateStoreContext() = default;
  [[nodiscard]] virtual const std::string& application_id() const = 0;
  [[nodiscard]] virtual const TaskId& task_id() const = 0;
  /// Where the record at work comes from, and its time; null: there is none. Valid during the call.
  [[nodiscard]] virtual const RecordContext* record_context() const = 0;
  /// A directory of this store alone, which is there: absolute, or relative as state_dir is. It is emptied when the store is
  /// restored from the beginning. StateStoreException for a store that is not declared persistent.
  [[nodiscard]] virtual const std::string& state_dir() const = 0;
  /// Makes metrics of one's own (<tidemill/processor/streams_metrics.hpp>).
  [[nodiscard]] virtual const StreamsMetrics& metrics() const = 0;
  /// The configuration's `application` part.
  [[nodiscard]] virtual const std::map<std::string, std::string>& app_configs() const = 0;
  /// Those that begin with the prefix, without it.
  [[nodiscard]] std::map<std::string, std::string> app_configs_with_prefix(std::string_view prefix) const;

  /// The store has a changelog of its own.
  [[nodiscard]] virtual bool is_logged() const = 0;
  /// Writes to the changelog, in the transaction of the records at work; restore() gets it back. Does nothing where a topic is the
  /// changelog (global and read-only stores). StateStoreException: the store's logging is off, or it is being restored. A null value is a
  /// tombstone: compaction keeps the last value of each key.
  virtual void log_change(BytesView key, OptionalBytesView value, Timestamp timestamp) = 0;
  /// With the timestamp of the record at work.
  void log_change(BytesView key, OptionalBytesView value);
};

/// A question of a type of one's own, on its way to a store; the store answers it, or leaves it to say that it does not know it.
class CustomQuery {
 public:
  /// Runs `fn(const Q&)`, which gives a Q::Answer, when the question is a Q.
  template <class Q, class F>
  void answer(F&& fn) {
    if (type_ != type_tag<Q>()) return;
    answer_ = std::make_shared<typename Q::Answer>(std::forward<F>(fn)(*static_cast<const Q*>(query_)));
  }

  // For who asks.

  template <class Q>
  explicit CustomQuery(const Q& query) : type_(type_tag<Q>()), query_(&query) {}
  /// A Q::Answer; null: the store does not know the question.
  [[nodiscard]] const std::shared_ptr<void>& answer() const { return answer_; }

 private:
  TypeTag type_;
  const void* query_;
  std::shared_ptr<void> answer_;
};

class CustomStore {
 public:
  CustomStore() = default;
  virtual ~CustomStore() = default;
  CustomStore(const CustomStore&) = delete;
  CustomStore& operator=(const CustomStore&) = delete;

  /// Both work from init() on.
  [[nodiscard]] const std::string& name() const { return *name_; }
  [[nodiscard]] bool is_open() const { return open_; }

  /// Once, before all else; context() works from here on. A store is empty then, but for what it has found in its directory.
  virtual void init(StateStoreContext&) {}
  /// A batch of the changelog, in its order; committed records only. Whoever has a changelog has to read it: this one throws.
  virtual void restore(std::span<const ChangelogRecord> records);
  /// The last moment to log what is held back: the task is about to commit, or gives memory back. All caches have been written by
  /// then. Also when nothing has been done since the last time.
  virtual void flush() {}
  /// The task has committed: what was done until now stays. A store that keeps its contents on disk keeps `checkpoint` with them, in
  /// one atomic step, or does neither and waits for a later commit. Need not be durable: what survives has to fit together.
  virtual void commit([[maybe_unused]] BytesView checkpoint) {}
  /// The checkpoint of the commit() whose contents, no more and no less, the store has: asked after init(). None: the store, and its
  /// directory, are emptied, and it is restored from the changelog's beginning.
  virtual std::optional<Bytes> committed() { return std::nullopt; }
  /// Once, before the object goes away; not when init() has thrown. What was done since the last commit() is not to be kept.
  virtual void close() {}
  /// Answers the questions that it knows, with CustomQuery::answer(). Between two records, as everything; those of a global store on
  /// the thread that asks, while nobody changes it. An answer has no bound but its own.
  virtual void query(CustomQuery&) const {}

 protected:
  [[nodiscard]] StateStoreContext& context() const { return *context_; }

 private:
  friend class CustomStoreHost;
  StateStoreContext* context_ = nullptr;
  const std::string* name_ = nullptr;
  bool open_ = false;
};

/// Who hosts a store tells it what it cannot know by itself.
class CustomStoreHost {
 protected:
  static void attach(CustomStore& store, const std::string& name, StateStoreContext& context) {
    store.name_ = &name;
    store.context_ = &context;
  }
  static void set_open(CustomStore& store, bool open) { store.open_ = open; }
};

}  // namespace tidemill
