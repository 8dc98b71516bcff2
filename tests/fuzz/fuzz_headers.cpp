// Encoded headers: what decodes is, encoded and decoded again, the same.
#include <cstdint>
#include <cstdlib>
#include <tidemill/base/headers.hpp>

using namespace tidemill;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto headers = Headers::decode(BytesView(reinterpret_cast<const char*>(data), size));
  if (!headers) return 0;
  const auto again = Headers::decode(headers->encode());
  if (!again || !(*again == *headers)) std::abort();
  return 0;
}
