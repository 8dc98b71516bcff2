// Processors with stores: what a store reads back after what was put, and punctuations.
#include "world.hpp"

namespace tidemill::differential {
namespace {

constexpr std::chrono::milliseconds kRetention{60'000};
constexpr std::chrono::milliseconds kWindow{5'000};
constexpr std::int64_t kBefore = 4'000;

/// The kinds of stores that a step may ask for.
StoreSpec store_of(const json& store) {
  const std::string name = text(store, "name");
  const std::string kind = text(store, "kind");
  const bool memory = engine(store) == StoreEngineKind::kInMemory;
  const StoreOptions options{.caching = store.value("cache", false), .logging = store.value("log", true)};
  if (kind == "window") {
    return memory ? Stores::in_memory_window_store(name, kRetention, kWindow, false, options)
                  : Stores::persistent_window_store(name, kRetention, kWindow, false, options);
  }
  if (kind == "session") {
    return memory ? Stores::in_memory_session_store(name, kRetention, options)
                  : Stores::persistent_session_store(name, kRetention, options);
  }
  if (kind == "versioned") return Stores::persistent_versioned_key_value_store(name, kRetention, options);
  if (kind == "lru") return Stores::lru_map(name, 2, options);
  return memory ? Stores::in_memory_key_value_store(name, options) : Stores::persistent_key_value_store(name, options);
}

using TextRecord = Record<Text, Text>;
using TextContext = ProcessorContext<Text, Text>;

/// Every record with a key is put; what is read back goes on, one record for each row.
class Keeping : public Processor<Text, Text> {
 public:
  explicit Keeping(std::string store) : store_(std::move(store)) {}
  void process(const TextRecord& record) override {
    if (record.has_key()) keep(record);
  }

 protected:
  virtual void keep(const TextRecord& record) = 0;
  void tell(const TextRecord& record, const Text& key, const MaybeText& value) {
    context().forward(record.with_key(key).with_value_or_null(value ? &*value : nullptr));
  }
  const std::string store_;
};

class KeepingValues final : public Keeping {
 public:
  KeepingValues(std::string store, std::string order, std::int64_t interval)
      : Keeping(std::move(store)), order_(std::move(order)), interval_(interval) {}
  void init(TextContext& context) override {
    values_ = context.key_value_store<Text, Text>(store_);
    if (interval_ == 0) return;
    const auto type = interval_ > 0 ? PunctuationType::kStreamTime : PunctuationType::kWallClockTime;
    context.schedule(std::chrono::milliseconds(std::abs(interval_)), type, [this](Timestamp time) {
      for (auto row = values_->all(); row.valid(); row.next()) {
        const Text key = row.key();
        const Text value = row.value();
        this->context().forward(TextRecord(key, value, time));
      }
    });
  }
  void keep(const TextRecord& record) override {
    tell(record, record.key(), values_->get(record.key()));
    values_->put(record.key(), record.value_or_null());
    const Text from = "b";
    const Text to = "d";
    auto rows = order_ == "all"            ? values_->all()
                : order_ == "reverse"      ? values_->reverse_all()
                : order_ == "range"        ? values_->range(&from, &to)
                : order_ == "reverseRange" ? values_->reverse_range(&from, &to)
                                           : values_->prefix_scan(record.key());
    for (; rows.valid(); rows.next()) tell(record, rows.key(), rows.value());
  }

 private:
  const std::string order_;
  const std::int64_t interval_;
  std::unique_ptr<KeyValueStore<Text, Text>> values_;
};

class KeepingWindows final : public Keeping {
 public:
  using Keeping::Keeping;
  void init(TextContext& context) override { windows_ = context.window_store<Text, Text>(store_); }
  void keep(const TextRecord& record) override {
    windows_->put(record.key(), record.value_or_null(), record.timestamp());
    const Timestamp from(std::max<std::int64_t>(0, record.timestamp().value - kBefore));
    const Timestamp to = record.timestamp() + kBefore;
    for (auto row = windows_->fetch(record.key(), from, to); row.valid(); row.next())
      tell(record, to_string(row.key()), row.value());
    for (auto row = windows_->backward_fetch(record.key(), from, to); row.valid(); row.next()) {
      tell(record, to_string(row.key()), row.value());
    }
    for (auto row = windows_->fetch_all(from, to); row.valid(); row.next()) tell(record, to_string(row.key()), row.value());
  }

 private:
  std::unique_ptr<WindowStore<Text, Text>> windows_;
};

class KeepingSessions final : public Keeping {
 public:
  using Keeping::Keeping;
  void init(TextContext& context) override { sessions_ = context.session_store<Text, Text>(store_); }
  void keep(const TextRecord& record) override {
    const Timestamp end = record.timestamp();
    const Timestamp start(std::max<std::int64_t>(0, end.value - kBefore));
    sessions_->put(Key{record.key(), {start, end}}, record.value_or_null());
    for (auto row = sessions_->find_sessions(record.key(), start, end + kBefore); row.valid(); row.next()) {
      tell(record, to_string(row.key()), row.value());
    }
    for (auto row = sessions_->fetch(record.key()); row.valid(); row.next()) {
      tell(record, to_string(row.key()), row.value());
    }
  }

 private:
  std::unique_ptr<SessionStore<Text, Text>> sessions_;
};

class KeepingVersions final : public Keeping {
 public:
  using Keeping::Keeping;
  void init(TextContext& context) override { versions_ = context.versioned_store<Text, Text>(store_); }
  void keep(const TextRecord& record) override {
    if (record.value_or_null() == nullptr && record.timestamp().value % 2 == 1) {
      show(record, versions_->remove(record.key(), record.timestamp()));
    } else {
      const std::int64_t next = versions_->put(record.key(), record.value_or_null(), record.timestamp());
      tell(record, record.key(), std::to_string(next));
    }
    show(record, versions_->get(record.key()));
    show(record, versions_->get(record.key(), Timestamp(std::max<std::int64_t>(0, record.timestamp().value - kBefore))));
  }

 private:
  void show(const TextRecord& record, const std::optional<VersionedRecord<Text>>& found) {
    tell(record, record.key(), found ? found->value + "@" + std::to_string(found->timestamp.value) : MaybeText());
  }
  std::unique_ptr<VersionedKeyValueStore<Text, Text>> versions_;
};

void process(World& world, const json& step) {
  const json& store = step.at("keeps");
  const std::string name = text(store, "name");
  if (!store.value("shared", false)) world.builder.add_state_store(store_of(store));
  const std::string kind = text(store, "kind");
  auto supplier = [name, kind, order = text(step, "order"), interval = step.value("interval", std::int64_t{0})] {
    std::unique_ptr<Keeping> made;
    if (kind == "window") {
      made = std::make_unique<KeepingWindows>(name);
    } else if (kind == "session") {
      made = std::make_unique<KeepingSessions>(name);
    } else if (kind == "versioned") {
      made = std::make_unique<KeepingVersions>(name);
    } else {
      made = std::make_unique<KeepingValues>(name, order, interval);
    }
    return made;
  };
  std::vector<std::string> stores{name};
  for (const json& other : step.value("also", json::array())) stores.push_back(other.get<std::string>());
  world.put(step, world.get<Stream>(step).process(supplier, stores, named(step)));
}
void add_store(World& world, const json& step) { world.builder.add_state_store(store_of(step.at("keeps"))); }

/// Earlier by kBefore, and with one header more.
class Reshaping final : public Processor<Text, Text> {
  void process(const TextRecord& record) override {
    Headers headers = record.headers();
    headers.add("z", shown(record.key_or_null()));
    const Timestamp earlier(std::max<std::int64_t>(0, record.timestamp().value - kBefore));
    context().forward(record.with_timestamp(earlier).with_headers(headers));
  }
};
void reshape(World& world, const json& step) {
  world.put(step, world.get<Stream>(step).process([] { return std::make_unique<Reshaping>(); }, {}, named(step)));
}

/// Fills a global store.
class Filling final : public Processor<Text, Text> {
 public:
  explicit Filling(std::string store) : store_(std::move(store)) {}
  void init(TextContext& context) override { values_ = context.key_value_store<Text, Text>(store_); }
  void process(const TextRecord& record) override {
    if (record.has_key()) values_->put(record.key(), record.value_or_null());
  }

 private:
  const std::string store_;
  std::unique_ptr<KeyValueStore<Text, Text>> values_;
};
class LookingUp final : public Keeping {
 public:
  using Keeping::Keeping;
  void init(TextContext& context) override { values_ = context.key_value_store<Text, Text>(store_); }
  void keep(const TextRecord& record) override {
    tell(record, record.key(), values_->get(record.key()));
    for (auto rows = values_->all(); rows.valid(); rows.next()) tell(record, rows.key(), rows.value());
  }

 private:
  std::unique_ptr<KeyValueStore<Text, Text>> values_;
};
struct GlobalStore {
  std::string name;
};
void global_store(World& world, const json& step) {
  const std::string name = text(step.at("keeps"), "name");
  world.builder.add_global_store<Text, Text>(store_of(step.at("keeps")), step.at("topic").get<std::string>(), consumed(step),
                                             [name] { return std::make_unique<Filling>(name); });
  world.put(step, GlobalStore{name});
}
void look_up(World& world, const json& step) {
  const std::string name = world.get<GlobalStore>(step, "with").name;
  auto supplier = [name] { return std::make_unique<LookingUp>(name); };
  world.put(step, world.get<Stream>(step).process(supplier, {}, named(step)));
}

class Whence final : public FixedKeyProcessor<Text, Text> {
  void process(const FixedKeyRecord<Text, Text>& record) override {
    const auto where = context().record_metadata();
    const Text value =
        tail(shown(record.value_or_null()) + "<" + (where ? where->topic + std::to_string(where->offset.value) : ""));
    context().forward(record.with_value(value));
  }
};
void process_values(World& world, const json& step) {
  world.put(step, world.get<Stream>(step).process_values([] { return std::make_unique<Whence>(); }, {}, named(step)));
}

}  // namespace

void add_processor_operators(Operators& operators) {
  operators["process"] = process;
  operators["addStore"] = add_store;
  operators["reshape"] = reshape;
  operators["globalStore"] = global_store;
  operators["lookUp"] = look_up;
  operators["processValues"] = process_values;
}

}  // namespace tidemill::differential
