// From a store to its face of one kind, with a sentence where it is of another; and window and session back from a row's key.
#include <tidemill/state/versioned_store.hpp>
#include <tidemill/state/window_store.hpp>

namespace tidemill::detail {
namespace {

[[noreturn]] void throw_other_kind(const StateStore& store, const char* kind) {
  throw StateStoreException(Error{ErrorKind::kUnsupported, "store \"" + store.name() + "\" is no " + kind + " store"});
}

}  // namespace

Windowed<BytesView> window_of_row(BytesView row, std::chrono::milliseconds size) {
  const auto [key, start] = split_window_key(row);
  return {key, {start, window_end(start, size)}};
}
Windowed<BytesView> session_of_row(BytesView row, std::chrono::milliseconds) {
  const auto [key, session] = split_session_key(row);
  return {key, session};
}
WindowBytesStore& windows_of(StateStore& store) {
  if (store.windows() == nullptr) throw_other_kind(store, "window");
  return *store.windows();
}
SessionBytesStore& sessions_of(StateStore& store) {
  if (store.sessions() == nullptr) throw_other_kind(store, "session");
  return *store.sessions();
}

VersionedBytesStore& versions_of(StateStore& store) {
  if (store.versioned() == nullptr) throw_other_kind(store, "versioned");
  return *store.versioned();
}

}  // namespace tidemill::detail
