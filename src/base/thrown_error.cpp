#include "base/thrown_error.hpp"

#include <cxxabi.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <typeinfo>

namespace tidemill {

namespace {

std::string shown(const std::type_info& type) {
  if (type == typeid(std::string)) return "std::string";
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> name(abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), std::free);
  return name ? name.get() : type.name();
}

}  // namespace

ThrownError describe_exception(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& thrown) {
    return {shown(typeid(thrown)), thrown.what()};
  } catch (const std::string& thrown) {
    return {"std::string", thrown};
  } catch (const char* thrown) {
    return {"char const*", thrown != nullptr ? thrown : "null"};
  } catch (...) {
    const std::type_info* const type = abi::__cxa_current_exception_type();
    return {type != nullptr ? shown(*type) : "unknown", "what was thrown is no std::exception"};
  }
}

}  // namespace tidemill
