// What comes over the owner's socket: any bytes are a request or an answer, or an error; one that decodes is
// the same after being encoded, and takes no more bytes than it came in. Its batches are fuzz_record_batch's
// part.
#include <cstdlib>

#include "log_embedded/owner_protocol.hpp"

using namespace tidemill;
using namespace tidemill::embedded;

namespace {

void request(BytesView bytes) {
  const auto decoded = decode_request(bytes);
  if (!decoded) return;
  const Bytes encoded = encode_request(*decoded);
  if (encoded.size() > bytes.size()) std::abort();
  const auto again = decode_request(encoded);
  if (!again || encode_request(*again) != encoded) std::abort();
}

template <class Ask>
void answer(BytesView bytes) {
  const auto decoded = decode_answer<Ask>(bytes);
  if (!decoded) return;
  const Bytes encoded = encode_answer<Ask>(decoded);
  if (encoded.size() > bytes.size()) std::abort();
  const auto again = decode_answer<Ask>(encoded);
  if (!again || encode_answer<Ask>(again) != encoded) std::abort();
}

template <class... Asks>
void answers(BytesView bytes, const std::variant<Asks...>*) {
  (answer<Asks>(bytes), ...);
}

void frames(BytesView bytes) {
  constexpr std::size_t kBytesMax = 1000;
  const auto size = whole_frame(bytes, kBytesMax);
  if (!size || *size == 0) return;
  if (*size > bytes.size() || *size > kBytesMax + kOwnerFrameHeadBytes) std::abort();
  if (frame(bytes.substr(kOwnerFrameHeadBytes, *size - kOwnerFrameHeadBytes)) != bytes.substr(0, *size)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 64 * 1024) return 0;
  const BytesView bytes(reinterpret_cast<const char*>(data), size);
  request(bytes);
  answers(bytes, static_cast<const Request*>(nullptr));
  frames(bytes);
  return 0;
}
