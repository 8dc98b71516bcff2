#include <csignal>
#include <cstdio>

#include <unistd.h>

#include "base/durations.hpp"
#include "config/durations.hpp"
#include "streams/streams_impl.hpp"

namespace tidemill {

Streams::Streams(Topology topology, StreamsConfig config)
    : impl_(std::make_unique<Impl>(std::move(topology), with_bounded_durations(std::move(config)))) {}
Streams::~Streams() = default;
Streams::Streams(Streams&&) noexcept = default;
Streams& Streams::operator=(Streams&&) noexcept = default;

void Streams::set_state_listener(StateListener listener) {
  impl_->check_not_started("set_state_listener()");
  impl_->state_listener_ = std::move(listener);
}
void Streams::set_uncaught_exception_handler(UncaughtExceptionHandler handler) {
  impl_->check_not_started("set_uncaught_exception_handler()");
  impl_->uncaught_handler_ = std::move(handler);
}
void Streams::set_restore_listener(RestoreListener listener) {
  impl_->check_not_started("set_restore_listener()");
  impl_->restore_listener_ = std::move(listener);
}

Result<void> Streams::start() { return impl_->start(); }
Result<void> Streams::close(CloseOptions options) {
  options.timeout = bounded(options.timeout);
  return impl_->close(options);
}
Result<std::optional<std::string>> Streams::add_stream_thread() { return impl_->add_thread(); }
Result<std::optional<std::string>> Streams::remove_stream_thread(std::optional<std::chrono::milliseconds> timeout) {
  if (timeout) timeout = bounded(*timeout);
  return impl_->remove_thread(timeout);
}
StreamsState Streams::state() const { return impl_->state(); }
bool Streams::wait_until_stopped(std::chrono::milliseconds timeout) { return impl_->wait_until_stopped(bounded(timeout)); }
bool Streams::wait_until_caught_up(std::chrono::milliseconds timeout) { return impl_->wait_until_caught_up(bounded(timeout)); }
std::optional<Error> Streams::error() const { return impl_->error(); }
std::vector<ThreadMetadata> Streams::metadata_for_local_threads() const { return impl_->thread_metadata(); }
std::vector<RestoreProgress> Streams::restore_progress() const { return impl_->restore_progress(); }
std::vector<Metric> Streams::metrics() const { return impl_->metrics(); }
const Topology& Streams::topology() const { return *impl_->given_topology_; }
void Streams::pause() { impl_->set_paused(true); }
void Streams::resume() { impl_->set_paused(false); }
bool Streams::is_paused() const { return impl_->is_paused(); }
Result<void> Streams::clean_up() { return impl_->clean_up(); }

Result<StoreLags> Streams::all_local_store_partition_lags() const { return impl_->store_lags(); }
Result<KeyQueryMetadata> Streams::query_metadata_for_key_bytes(std::string_view store, BytesView key) const {
  return impl_->place_of_key(std::string(store), key);
}
Result<std::string> Streams::topic_of_keys(std::string_view store) const {
  TIDEMILL_ASSIGN(runtime::KeyTopic topic, impl_->key_topic(std::string(store)));
  return std::move(topic.name);
}
Result<std::vector<StreamsMetadata>> Streams::metadata_for_all_streams_clients() const { return impl_->all_metadata(); }
Result<std::vector<StreamsMetadata>> Streams::streams_metadata_for_store(std::string_view store) const {
  return impl_->metadata_of_store(std::string(store));
}
Result<StateQueryResult<StoreRows>> Streams::query_store(const StateQueryRequest& request, const StoreQuery& query) const {
  return impl_->query_store(request, query);
}
std::string Streams::topic_of_store(std::string_view name) const { return impl_->topic_of_store(name); }

// run()

namespace {

int signal_pipe[2] = {-1, -1};
void on_signal(int signal) {
  const char byte = static_cast<char>(signal);
  [[maybe_unused]] const auto written = ::write(signal_pipe[1], &byte, 1);
}

}  // namespace

int run(Topology topology, StreamsConfig config) {
  try {
    if (::pipe(signal_pipe) != 0) throw std::runtime_error("no pipe for signals can be made");
    Streams streams(std::move(topology), std::move(config));
    streams.set_state_listener([](StreamsState now, StreamsState) {
      if (now == StreamsState::kError || now == StreamsState::kNotRunning) on_signal(0);
    });
    // Until it has started there is nothing to end in order: a signal ends the process, also while a broker is waited for.
    if (const Result<void> started = streams.start(); !started) {
      std::fprintf(stderr, "%s\n", started.error().message.c_str());
      return 1;
    }
    struct sigaction action {};
    action.sa_handler = on_signal;
    ::sigaction(SIGINT, &action, nullptr);
    ::sigaction(SIGTERM, &action, nullptr);
    char byte = 0;
    while (::read(signal_pipe[0], &byte, 1) < 0 && errno == EINTR) {
    }
    // A second signal ends the process at once.
    ::signal(SIGINT, SIG_DFL);
    ::signal(SIGTERM, SIG_DFL);
    const std::optional<Error> failure = streams.error();
    const Result<void> closed = streams.close();
    if (!closed) std::fprintf(stderr, "%s\n", closed.error().message.c_str());
    if (failure) std::fprintf(stderr, "%s\n", failure->message.c_str());
    return failure || !closed ? 1 : 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}

}  // namespace tidemill
