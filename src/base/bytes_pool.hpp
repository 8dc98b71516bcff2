// BytesPool: the memory of large byte strings, used again. New memory of that size is zeroed twice, by the kernel page by page
// and by the string; batch after batch that costs more than what is written into it.
//
// Any thread. Holds at most kBytesMax of memory that nobody uses.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include <tidemill/base/bytes.hpp>

namespace tidemill {

class BytesPool : public std::enable_shared_from_this<BytesPool> {
 public:
  static constexpr std::size_t kBytesMax = std::size_t{8} << 20;

  [[nodiscard]] static std::shared_ptr<BytesPool> create() { return std::shared_ptr<BytesPool>(new BytesPool); }
  /// Memory with something old in it, so that resize() to no more than its size writes nothing; or an empty string.
  [[nodiscard]] Bytes take();
  void give(Bytes bytes);
  /// The bytes as they are; their memory comes back when their last owner lets them go.
  [[nodiscard]] std::shared_ptr<const Bytes> share(Bytes bytes);

 private:
  BytesPool() = default;
  std::mutex mutex_;
  std::vector<Bytes> free_;
  std::size_t free_bytes_ = 0;
};

}  // namespace tidemill
