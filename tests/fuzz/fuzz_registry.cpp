// What comes from outside with a schema registry: records in its envelope, and its answers. An envelope that is read is, written
// and read again, the same.
#include <cstdint>
#include <cstdlib>
#include <tidemill/serde_registry/wire_format.hpp>

#include "serde_registry/answers.hpp"

using namespace tidemill;

namespace {

void check_envelope(BytesView bytes, bool with_path) {
  const auto envelope = read_envelope(bytes, with_path);
  if (!envelope) return;
  if (with_path == envelope->path.empty() || envelope->path.size() > kMessagePathMax) std::abort();
  Bytes again;
  append_envelope(envelope->id, envelope->path, again);
  again += envelope->content;
  const auto same = read_envelope(again, with_path);
  if (!same || same->id != envelope->id || same->path != envelope->path || same->content != envelope->content) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const BytesView bytes(reinterpret_cast<const char*>(data), size);
  check_envelope(bytes, false);
  check_envelope(bytes, true);
  const std::string body(bytes);
  if (const auto id = registry::read_id(body); id && *id < 0) std::abort();
  (void)registry::read_schema(body);
  if (const auto registered = registry::read_registered(body); registered && registered->version < 0) std::abort();
  if (registry::read_error(404, body).kind != ErrorKind::kNotFound) std::abort();
  return 0;
}
