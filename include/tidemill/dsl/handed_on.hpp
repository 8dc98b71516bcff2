// Which serde an operator works with where its options give none.
//
// A stream and a table have the serdes that they were made with, or none, which means the type's own (Java: the default serdes of
// the configuration). An operator takes them from what is in front of it, or not: that is Kafka Streams' choice for each place,
// and bytes of topics and changelogs depend on it. Where Kafka Streams takes none, a type that has no serde of its own would
// have to fail; here it goes on with the one that there is (D-59).
#pragma once

#include <optional>

#include <tidemill/serde/serde.hpp>

namespace tidemill::detail {

/// Where they are handed on.
template <class T>
const std::optional<Serde<T>>& given_or_inherited(const std::optional<Serde<T>>& given,
                                                  const std::optional<Serde<T>>& inherited) {
  return given ? given : inherited;
}
/// Where they are not.
template <class T>
const std::optional<Serde<T>>& given_or_own(const std::optional<Serde<T>>& given, const std::optional<Serde<T>>& inherited) {
  if constexpr (HasSerde<T>) {
    return given;
  } else {
    return given_or_inherited(given, inherited);
  }
}

}  // namespace tidemill::detail
