// PriorityHeap: a binary heap that breaks ties exactly as java.util.PriorityQueue does, so that equal timestamps are
// taken in the order in which Kafka Streams takes them.
//
// Always true: no element is greater than its children. An offered one moves up only past strictly greater ones; the
// last one, put in the root's place, moves down only below a strictly smaller child (the left one when both are equal).
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace tidemill::runtime {

template <class T, class Less>
class PriorityHeap {
 public:
  [[nodiscard]] bool empty() const { return elements_.empty(); }
  [[nodiscard]] std::size_t size() const { return elements_.size(); }
  [[nodiscard]] const T& top() const { return elements_.front(); }
  void clear() { elements_.clear(); }

  void offer(T element) {
    std::size_t at = elements_.size();
    elements_.emplace_back();
    while (at > 0) {
      const std::size_t parent = (at - 1) / 2;
      if (!less_(element, elements_[parent])) break;
      elements_[at] = std::move(elements_[parent]);
      at = parent;
    }
    elements_[at] = std::move(element);
  }

  T poll() {
    T result = std::move(elements_.front());
    T last = std::move(elements_.back());
    elements_.pop_back();
    const std::size_t size = elements_.size();
    if (size == 0) return result;
    std::size_t at = 0;
    while (2 * at + 1 < size) {
      std::size_t child = 2 * at + 1;
      if (child + 1 < size && less_(elements_[child + 1], elements_[child])) ++child;
      if (!less_(elements_[child], last)) break;
      elements_[at] = std::move(elements_[child]);
      at = child;
    }
    elements_[at] = std::move(last);
    return result;
  }

 private:
  std::vector<T> elements_;
  [[no_unique_address]] Less less_;
};

}  // namespace tidemill::runtime
