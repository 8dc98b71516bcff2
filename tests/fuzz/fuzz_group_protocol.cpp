// What a broker answers and what other members of a group say: whatever the bytes, they are read or refused, and what is read
// can be said again.
#include <cstdint>
#include <cstdlib>

#include "log_kafka/group_protocol.hpp"
#include "log_kafka/group_requests.hpp"

using namespace tidemill;
using namespace tidemill::kafka;

namespace {

template <class Answer>
void answer(BytesView bytes, bool flexible = false) {
  ProtocolReader reader(bytes, flexible);
  Answer read_into;
  if (read(reader, read_into) && !reader.at_end()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 64 * 1024) return 0;
  const BytesView bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 8) {
    case 0: answer<CoordinatorAnswer>(bytes); break;
    case 1: answer<JoinAnswer>(bytes); break;
    case 2: answer<SyncAnswer>(bytes); break;
    case 3: answer<PlainAnswer>(bytes); break;
    case 4: answer<OffsetCommitAnswer>(bytes); break;
    case 5: answer<OffsetFetchAnswer>(bytes, true); break;
    case 6:
      if (const auto state = decode_subscription(bytes)) {
        if (!decode_subscription(encode_subscription(*state))) std::abort();
        static_cast<void>(share_out({{"a", *state}, {"b", {}}}, {{0, 3, true, {"t"}}}));
      }
      break;
    default:
      if (const auto tasks = decode_assignment(bytes)) {
        if (decode_assignment(encode_assignment(*tasks, {})).value() != *tasks) std::abort();
      }
  }
  return 0;
}
