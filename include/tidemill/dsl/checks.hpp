// What the DSL asks of keys, values and functions, as concepts with a sentence each. The sentence stands at the user's line;
// the body of a member is compiled only where its check holds, so that nothing follows it.
#pragma once

#include <concepts>
#include <iterator>
#include <span>
#include <string_view>
#include <utility>

#include <tidemill/dsl/options.hpp>
#include <tidemill/dsl/record_function.hpp>

namespace tidemill::detail {

template <class T>
inline constexpr bool kIsView = std::is_pointer_v<T> || std::is_reference_v<T> || std::is_same_v<T, std::string_view>;
template <class T, std::size_t N>
inline constexpr bool kIsView<std::span<T, N>> = true;
/// Records outlive the call that made them: in stores, caches and repartition topics.
template <class T>
concept OwningType = !kIsView<T> && std::copy_constructible<T> && std::destructible<T>;

/// Each task has its own copy of every function, so mutable ones cannot race.
template <class F>
concept CopyableFunction = std::is_copy_constructible_v<F>;

template <class T>
inline constexpr bool kIsPair = false;
template <class A, class B>
inline constexpr bool kIsPair<std::pair<A, B>> = true;
template <class T>
concept PairResult = kIsPair<std::remove_cvref_t<T>>;

template <class T>
using ElementOf = std::remove_cvref_t<decltype(*std::begin(std::declval<T&>()))>;
template <class T>
concept RangeResult = requires(T& range) {
  *std::begin(range);
  std::end(range);
};
template <class T>
inline constexpr bool kIsText = false;
template <RangeResult T>
inline constexpr bool kIsText<T> = std::is_same_v<ElementOf<T>, char>;
template <class T>
concept ListResult = RangeResult<T> && !kIsText<T>;
template <class T>
concept ListOfPairsResult = ListResult<T> && requires(T& range) {
  requires PairResult<ElementOf<T>>;
};

template <class T>
inline constexpr bool kSaysYesOrNo = std::is_convertible_v<T, bool>;
template <class F, class K, class V>
concept Predicate = RecordFunction<F, K, V> && kSaysYesOrNo<CallResult<K, V, F>>;
template <class F, class K, class V>
concept Mapper =
    RecordFunction<F, K, V> && !std::is_void_v<CallResult<K, V, F>> && OwningType<WithoutNull<CallResult<K, V, F>>>;
template <class F, class K, class V>
concept PairMapper = RecordFunction<F, K, V> && PairResult<CallResult<K, V, F>>;
template <class F, class K, class V>
concept ListMapper = RecordFunction<F, K, V> && ListResult<CallResult<K, V, F>>;
template <class F, class K, class V>
concept PairListMapper = RecordFunction<F, K, V> && ListOfPairsResult<CallResult<K, V, F>>;

/// A number that a function gives becomes the number that is kept: `0` begins a sum in an int, and an aggregator that adds 64 bits, or
/// a fraction, to it is refused. What arithmetic itself widens (two shorts make an int) or changes in sign is not.
template <class R, class V>
inline constexpr bool kFits = true;
template <class R, class V>
  requires(std::is_arithmetic_v<R>&& std::is_integral_v<V>)
inline constexpr bool kFits<R, V> = std::is_integral_v<R> && (sizeof(R) <= sizeof(V) || sizeof(R) <= sizeof(int));
/// `F(Args...)` makes a V, or none.
template <class V, class F, class... Args>
concept Makes = std::is_invocable_r_v<std::optional<V>, F&, Args...>&& kFits<WithoutNull<std::invoke_result_t<F&, Args...>>, V>;

/// `F(Args...)` makes something.
template <class F, class... Args>
concept MakesValue = std::is_invocable_v<F&, Args...> && !std::is_void_v<std::invoke_result_t<F&, Args...>>;

template <class F, class V>
concept Reducer = Makes<V, F, const V&, const V&>;
template <class F, class K, class V, class VR>
concept Aggregator = Makes<VR, F, const K&, const V&, const VR&>;

}  // namespace tidemill::detail

#define TIDEMILL_CHECK_TYPES(what, K, V)                                                                            \
  static_assert(detail::OwningType<K>, what ": the key type must be copyable and own what it holds: no pointer, "   \
                                            "reference or view (std::string instead of std::string_view)");         \
  static_assert(detail::OwningType<V>, what ": the value type must be copyable and own what it holds: no pointer, " \
                                            "reference or view (std::string instead of std::string_view)")
// Where functions enter: `argument` is the operator's F. What may be null is looked at when the topology is built.
#define TIDEMILL_CHECK_COPYABLE(operation, F, argument)                                                               \
  static_assert(detail::CopyableFunction<F>, operation ": the function must be copyable, each task has its own copy " \
                                                       "(capture a std::shared_ptr instead of a std::unique_ptr)");   \
  if constexpr (detail::kMayBeNull<F>) detail::check_callable(argument, operation, #argument)
#define TIDEMILL_CHECK_FUNCTION(operation, F, argument)                                                                 \
  TIDEMILL_CHECK_COPYABLE(operation, F, argument);                                                                      \
  static_assert(detail::RecordFunction<F, K, V>,                                                                        \
                operation ": the function must be callable with (const V&) or (const K&, const V&), or, to see nulls, " \
                          "with (const V*), (const K&, const V*) or (const K*, const V*)")
#define TIDEMILL_CHECK_RESULT(operation, concept_, F, argument, sentence) \
  TIDEMILL_CHECK_FUNCTION(operation, F, argument);                        \
  static_assert(!detail::RecordFunction<F, K, V> || detail::concept_<F, K, V>, operation ": " sentence)
// Of a call that gives no options, where serdes then have to come from the types. (Elsewhere a stream may have brought its own along.)
#define TIDEMILL_CHECK_SOURCE_SERDES(operation, K, V)                                                                    \
  static_assert(HasSerde<K> || !detail::OwningType<K>, operation ": there is no serde for the key type: specialize "     \
                                                                 "tidemill::SerdeOf for it, or give one, {.key_serde = " \
                                                                 "...}");                                                \
  static_assert(HasSerde<V> || !detail::OwningType<V>, operation ": there is no serde for the value type: specialize "   \
                                                                 "tidemill::SerdeOf for it, or give one, {.value_serde " \
                                                                 "= ...}")
#define TIDEMILL_CHECK_RESULT_SERDE(operation, VR)                                      \
  static_assert(HasSerde<VR> || !detail::OwningType<VR>,                                \
                operation ": there is no serde for the type of the result: specialize " \
                          "tidemill::SerdeOf for it, or give one, {.value_serde = ...}")
// What is written where only the compiler would answer, in words of its own.
#define TIDEMILL_CHECK_HAS_TYPES(operation, Type)              \
  static_assert(!std::is_void_v<Type> && std::is_void_v<Type>, \
                operation ": say which types key and value have: " operation "<Key, Value>(topic)")
#define TIDEMILL_CHECK_NO_NAME(operation, Name) \
  static_assert(std::is_void_v<Name>,           \
                operation ": a store's name is one of the options: " operation "({.store_name = \"name\"})")
