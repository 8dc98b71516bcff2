// Processors that take their record's value for a command to a window or session store and forward what it answers.
#include <tidemill/dsl/streams_builder.hpp>

#include "registry.hpp"

namespace tidemill::vectors {
namespace {

/// A command's parts, as numbers or as texts that may be open.
struct Command {
  explicit Command(const Text& text) : parts(split(text)) {}
  [[nodiscard]] const Text& op() const { return parts.front(); }
  [[nodiscard]] const Text& text(std::size_t at) const { return parts.at(at); }
  [[nodiscard]] const Text* bound(std::size_t at) const { return parts.at(at).empty() ? nullptr : &parts[at]; }
  [[nodiscard]] Timestamp time(std::size_t at) const { return Timestamp(std::stoll(parts.at(at))); }
  std::vector<Text> parts;
};

/// `b` in front of a command: backward.
bool is(const Command& command, const char* op, Direction& direction) {
  direction = command.op() == op ? Direction::kForward : Direction::kReverse;
  return command.op() == op || command.op() == Text("b") + op;
}

template <class Derived>
class Answering : public Processor<Text, Text> {
  void process(const Record<Text, Text>& r) override {
    if (!r.has_value()) return;
    const Text answer = r.value() + "=" + static_cast<Derived*>(this)->run(Command(r.value()));
    context().forward(r.with_value(answer));
  }
};

class WindowCommands final : public Answering<WindowCommands> {
 public:
  void init(ProcessorContext<Text, Text>& context) override { store_ = context.window_store<Text, Text>("w"); }
  Text run(const Command& c) {
    Direction way{};
    if (c.op() == "put") return store_->put(c.text(1), c.text(2), c.time(3)), "ok";
    if (c.op() == "del") return store_->put(c.text(1), nullptr, c.time(2)), "ok";
    if (c.op() == "fetch1") return store_->fetch(c.text(1), c.time(2)).value_or("null");
    if (is(c, "fetch", way)) return listed(store_->walk(&c.text(1), &c.text(1), c.time(2), c.time(3), way), false);
    if (is(c, "rfetch", way)) return listed(store_->walk(c.bound(1), c.bound(2), c.time(3), c.time(4), way), true);
    if (is(c, "fetchall", way)) return listed(store_->walk_all(c.time(1), c.time(2), way), true);
    if (is(c, "all", way)) return listed(store_->walk_all(Timestamp(0), kMaxTimestamp, way), true);
    return "unsupported";
  }

 private:
  static Text listed(WindowedIterator<Text, Text> rows, bool with_key) {
    Text list;
    for (; rows.valid(); rows.next()) {
      const auto key = rows.key();
      list += (list.empty() ? "" : ";") + (with_key ? key.key + "@" : "") + std::to_string(key.window.start.value) + "=" +
              rows.value();
    }
    return list;
  }
  std::unique_ptr<WindowStore<Text, Text>> store_;
};

class SessionCommands final : public Answering<SessionCommands> {
 public:
  void init(ProcessorContext<Text, Text>& context) override { store_ = context.session_store<Text, Text>("s"); }
  // Java's session stores know no way back, though their interface does.
  Text run(const Command& c) {
    Direction way{};
    if (c.op().starts_with("b")) return "unsupported";
    if (c.op() == "put") return store_->put({c.text(1), {c.time(2), c.time(3)}}, c.bound(4)), "ok";
    if (c.op() == "rem") return store_->remove({c.text(1), {c.time(2), c.time(3)}}), "ok";
    if (c.op() == "fetchs") return store_->fetch_session(c.text(1), c.time(2), c.time(3)).value_or("null");
    if (is(c, "find", way)) return listed(store_->walk(&c.text(1), &c.text(1), c.time(2), c.time(3), way));
    if (is(c, "rfind", way)) return listed(store_->walk(c.bound(1), c.bound(2), c.time(3), c.time(4), way));
    if (c.op() == "fetch") return listed(store_->fetch(c.text(1)));
    if (c.op() == "rfetch") return listed(store_->fetch(c.bound(1), c.bound(2)));
    return "unsupported";
  }

 private:
  static Text listed(WindowedIterator<Text, Text> rows) {
    Text list;
    for (; rows.valid(); rows.next()) {
      const auto key = rows.key();
      list += (list.empty() ? "" : ";") + key.key + "@" + std::to_string(key.window.start.value) + "/" +
              std::to_string(key.window.end.value) + "=" + rows.value();
    }
    return list;
  }
  std::unique_ptr<SessionStore<Text, Text>> store_;
};

template <class Commands>
Topology commands(StoreSpec store) {
  StreamsBuilder builder;
  const std::vector<std::string> names{store.name};
  builder.add_state_store(std::move(store));
  builder.stream<Text, Text>("in").process([] { return std::make_unique<Commands>(); }, names).to("out");
  return builder.build();
}
constexpr std::chrono::milliseconds kRetention{60000};
constexpr std::chrono::milliseconds kSize{5000};

Topology window_rocksdb(const StreamsConfig&) {
  return commands<WindowCommands>(Stores::persistent_window_store("w", kRetention, kSize, false));
}
Topology window_in_memory(const StreamsConfig&) {
  return commands<WindowCommands>(Stores::in_memory_window_store("w", kRetention, kSize, false));
}
Topology window_duplicates(const StreamsConfig&) {
  return commands<WindowCommands>(Stores::persistent_window_store("w", kRetention, kSize, true));
}
Topology window_cached(const StreamsConfig&) {
  return commands<WindowCommands>(Stores::persistent_window_store("w", kRetention, kSize, false, {.caching = true}));
}
Topology session_rocksdb(const StreamsConfig&) {
  return commands<SessionCommands>(Stores::persistent_session_store("s", kRetention));
}
Topology session_in_memory(const StreamsConfig&) {
  return commands<SessionCommands>(Stores::in_memory_session_store("s", kRetention));
}
Topology session_cached(const StreamsConfig&) {
  return commands<SessionCommands>(Stores::persistent_session_store("s", kRetention, {.caching = true}));
}

}  // namespace

void add_window_store_topologies(Registry& registry) {
  registry["window-rocksdb"] = {window_rocksdb, plain()};
  registry["window-in-memory"] = {window_in_memory, plain()};
  registry["window-duplicates"] = {window_duplicates, plain()};
  registry["window-cached"] = {window_cached, cached(), false};
  registry["window-cached-backward"] = {window_cached, cached(), false};
  registry["session-rocksdb"] = {session_rocksdb, plain()};
  registry["session-in-memory-store"] = {session_in_memory, plain()};
  registry["session-cached-store"] = {session_cached, cached(), false};
}

}  // namespace tidemill::vectors
