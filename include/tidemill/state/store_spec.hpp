// StoreSpec: a state store as data, before anything is open.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <tidemill/base/type_tag.hpp>

namespace tidemill {

class CustomStore;

enum class StoreKind : std::uint8_t {
  kKeyValue,             // value
  kTimestampedKeyValue,  // i64 timestamp, value; its changelog has the plain value with the record's timestamp
  kWindow,
  kTimestampedWindow,
  kSession,
  kVersionedKeyValue,
  kChangeBuffer,  // what suppress() holds back; in memory
  kJoinBuffer,    // what a stream-table join with a grace period holds back
  kCustom,        // of one's own kind, as its factory makes it
};
/// "timestamped key-value store"
[[nodiscard]] std::string_view to_string(StoreKind kind);
enum class StoreEngineKind : std::uint8_t { kDefault, kPersistent, kInMemory };

/// Makes the stores of one's own kind that a StoreSpec declares; Stores::custom() makes it.
class CustomStoreFactory {
 public:
  /// Of no store.
  CustomStoreFactory() = default;
  /// `make()` gives a std::unique_ptr<Store>.
  template <class Store, class Make>
  [[nodiscard]] static CustomStoreFactory of(Make make) {
    CustomStoreFactory factory;
    factory.store_ = type_tag<Store>();
    if constexpr (std::is_empty_v<Make>) factory.function_ = type_tag<Make>();
    factory.make_ = std::make_shared<const Function>([make = std::move(make)] { return std::unique_ptr<CustomStore>(make()); });
    return factory;
  }
  [[nodiscard]] std::unique_ptr<CustomStore> make() const;
  /// The declared type's name.
  [[nodiscard]] std::string_view type() const { return store_ != nullptr ? store_->name : std::string_view(); }
  /// The same function: it, or another one of its type that has no state.
  bool operator==(const CustomStoreFactory& other) const {
    return store_ == other.store_ && (make_ == other.make_ || (function_ != nullptr && function_ == other.function_));
  }

 private:
  using Function = std::function<std::unique_ptr<CustomStore>()>;
  TypeTag store_ = nullptr;
  TypeTag function_ = nullptr;  // null: it has state
  std::shared_ptr<const Function> make_;
};

struct StoreSpec {
  std::string name;
  StoreKind kind = StoreKind::kTimestampedKeyValue;
  StoreEngineKind engine = StoreEngineKind::kDefault;
  bool caching = false;
  bool logging = true;
  /// On top of the defaults of its changelog topic.
  std::map<std::string, std::string> log_config;
  /// Windows, sessions, versions: those older than the newest by that go. Of a join's buffer: the grace period.
  std::chrono::milliseconds retention{0};
  std::chrono::milliseconds window_size{0};
  std::chrono::milliseconds segment_interval{0};
  bool retain_duplicates = false;
  /// Keys and values: a put adds to a list.
  bool list_values = false;
  /// Keys and values in memory: the key used longest ago is evicted when there are more; zero: no bound.
  std::size_t max_entries = 0;
  /// Windows and sessions are walked by time, then key, also where the engine would walk them by key: for who emits closed ones.
  bool time_ordered = false;
  /// A source topic that serves as changelog (tables read directly, read-only stores); empty: a topic of its own.
  std::string source_topic_as_changelog;
  /// Of a store of one's own kind.
  CustomStoreFactory custom = {};

  [[nodiscard]] bool timestamped() const {
    return kind == StoreKind::kTimestampedKeyValue || kind == StoreKind::kTimestampedWindow;
  }
  /// Of windows or sessions.
  [[nodiscard]] bool windowed() const {
    return kind == StoreKind::kWindow || kind == StoreKind::kTimestampedWindow || kind == StoreKind::kSession;
  }
  bool operator==(const StoreSpec&) const = default;
};

}  // namespace tidemill
