#include "base/thrown_error.hpp"

#include <cxxabi.h>

#include <cstdlib>
#include <memory>
#include <typeinfo>

namespace tidemill {

ThrownError describe_exception(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& thrown) {
    int status = 0;
    const std::unique_ptr<char, void (*)(void*)> name(abi::__cxa_demangle(typeid(thrown).name(), nullptr, nullptr, &status),
                                                      std::free);
    return {name ? name.get() : typeid(thrown).name(), thrown.what()};
  } catch (...) {
    return {"unknown", "something that is not a std::exception was thrown"};
  }
}

}  // namespace tidemill
