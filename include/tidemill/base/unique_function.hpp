// UniqueFunction<R(Args...)>: a callable that is moved, never copied; std::move_only_function of C++23.
// Costs one virtual call and one allocation at construction; <functional> stays out of the public headers.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

namespace tidemill {

namespace detail {
/// Function pointers, std::function and the like: there may be nothing to call. A lambda always can be, also one that becomes a
/// pointer if asked.
template <class F>
inline constexpr bool kMayBeNull = std::is_pointer_v<F> ||
                                   (std::is_constructible_v<F, std::nullptr_t> && std::is_constructible_v<bool, const F&>);
}  // namespace detail

template <class Signature>
class UniqueFunction;

template <class R, class... Args>
class UniqueFunction<R(Args...)> {
 public:
  UniqueFunction() = default;
  UniqueFunction(std::nullptr_t) {}  // NOLINT: converts on purpose
  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, UniqueFunction> && std::is_invocable_r_v<R, F&, Args...>)
  UniqueFunction(F&& function)  // NOLINT: converts on purpose
      : callable_(new Callable<std::remove_cvref_t<F>>(std::forward<F>(function))) {}

  explicit operator bool() const { return callable_ != nullptr; }
  R operator()(Args... args) const { return callable_->call(std::forward<Args>(args)...); }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual R call(Args... args) = 0;
  };
  template <class F>
  struct Callable final : Base {
    explicit Callable(F f) : function(std::move(f)) {}
    R call(Args... args) override { return function(std::forward<Args>(args)...); }
    F function;
  };
  std::unique_ptr<Base> callable_;
};

}  // namespace tidemill
