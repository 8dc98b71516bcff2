// The lines that the liquidity chain reads: BadInput, or a value that is the same after being written and
// read again. The first byte picks the kind of line.
#include <cstdint>
#include <cstdlib>

#include "liquidity/formats.hpp"

namespace {

template <class Read>
void round_trip(Read read, std::string_view json) {
  std::string written;
  try {
    written = to_json(read(json));
  } catch (const liquidity::BadInput&) {
    return;
  }
  try {
    if (to_json(read(written)) != written) std::abort();
  } catch (const liquidity::BadInput&) {
    std::abort();  // its own output must be readable
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static liquidity::Reader reader;
  if (size == 0) return 0;
  const std::string_view json(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 'a': round_trip([](std::string_view text) { return reader.account(text); }, json); break;
    case 'l': round_trip([](std::string_view text) { return reader.limit(text); }, json); break;
    case 't': round_trip([](std::string_view text) { return reader.transaction(text); }, json); break;
    case 'g': round_trip([](std::string_view text) { return reader.leg(text); }, json); break;
    case 'b': round_trip([](std::string_view text) { return reader.balance(text); }, json); break;
    case 'r': round_trip([](std::string_view text) { return reader.breach(text); }, json); break;
    default: break;
  }
  return 0;
}
