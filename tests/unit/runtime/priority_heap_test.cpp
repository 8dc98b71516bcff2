#include "runtime/priority_heap.hpp"

#include <gmock/gmock.h>

#include <functional>
#include <string>

namespace tidemill::runtime {
namespace {

struct Named {
  int time = 0;
  std::string name;
};
struct Earlier {
  bool operator()(const Named& a, const Named& b) const { return a.time < b.time; }
};

TEST(PriorityHeap, TakesThreeEqualOnesAsJavaDoes) {
  PriorityHeap<Named, Earlier> heap;
  for (const char* name : {"A", "B", "C"}) heap.offer({1, name});
  std::string order;
  while (!heap.empty()) order += heap.poll().name;
  EXPECT_EQ(order, "ACB");
}

TEST(PriorityHeap, TakesTheSmallestFirst) {
  PriorityHeap<int, std::less<>> heap;
  for (const int n : {5, 3, 8, 1, 9, 2, 7}) heap.offer(n);
  std::vector<int> order;
  while (!heap.empty()) order.push_back(heap.poll());
  EXPECT_THAT(order, ::testing::ElementsAre(1, 2, 3, 5, 7, 8, 9));
}

}  // namespace
}  // namespace tidemill::runtime
