// What a text has on the heap, for the sizes that stores and caches tell.
#pragma once

#include <cstddef>

namespace tidemill {

/// `size`: of the text, or its capacity; short ones lie in the string itself, others have the allocator's part beside them.
[[nodiscard]] constexpr std::size_t heap_bytes(std::size_t size) {
  constexpr std::size_t kInlineText = 15;
  constexpr std::size_t kAllocatorBytes = 16;
  return size > kInlineText ? size + kAllocatorBytes : 0;
}

}  // namespace tidemill
