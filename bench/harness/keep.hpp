// keep(x): as if something outside looked at x, so that what made it is not optimized away.
#pragma once

namespace tidemill_bench {

template <class T>
inline void keep(const T& value) {
  asm volatile("" : : "m"(value) : "memory");
}

}  // namespace tidemill_bench
