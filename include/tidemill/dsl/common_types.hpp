// The DSL for texts and counts, compiled once, in the library: an application that streams them compiles their handles, options
// and sinks no more than it compiles the runtime. Included where all of them are declared; src/dsl/common_types.cpp is the other
// half.
#pragma once

#include <tidemill/dsl/streams_builder.hpp>

// What this header declares, its other half defines.
#ifndef TIDEMILL_COMMON_TYPES
#define TIDEMILL_COMMON_TYPES extern
#endif

namespace tidemill {

TIDEMILL_COMMON_TYPES template class KStream<std::string, std::string>;
TIDEMILL_COMMON_TYPES template class KStream<std::string, std::int64_t>;
TIDEMILL_COMMON_TYPES template class KTable<std::string, std::string>;
TIDEMILL_COMMON_TYPES template class KTable<std::string, std::int64_t>;
TIDEMILL_COMMON_TYPES template class KGroupedStream<std::string, std::string>;

TIDEMILL_COMMON_TYPES template KStream<std::string, std::string> KStream<std::string, std::string>::next(
    const Named&, std::string_view, OperatorNode*, detail::Changes, detail::Goes) const;
TIDEMILL_COMMON_TYPES template KGroupedStream<std::string, std::string> KStream<std::string, std::string>::grouped_by(
    OperatorNode*, const Grouped<std::string, std::string>&) const;
TIDEMILL_COMMON_TYPES template KTable<std::string, std::string> KGroupedStream<std::string, std::string>::aggregate_into(
    const char*, detail::AggregateUpdate<std::string, std::string, std::string>, detail::AggregateStart<std::string>,
    const Materialized<std::string, std::string>&, const std::optional<Serde<std::string>>&) const;
TIDEMILL_COMMON_TYPES template KStream<std::string, std::string> KStream<std::string, std::string>::table_join<std::string>(
    const KTable<std::string, std::string>&, detail::StreamTableJoiner<std::string, std::string, std::string, std::string>,
    bool, const Joined<std::string, std::string, std::string>&) const;

TIDEMILL_COMMON_TYPES template KStream<std::string, std::string> StreamsBuilder::stream(
    std::string, const Consumed<std::string, std::string>&);
TIDEMILL_COMMON_TYPES template KTable<std::string, std::string> StreamsBuilder::table(
    std::string, const Consumed<std::string, std::string>&, const Materialized<std::string, std::string>&);

namespace detail {
TIDEMILL_COMMON_TYPES template const Consumed<std::string, std::string>& no_options();
TIDEMILL_COMMON_TYPES template const Produced<std::string, std::string>& no_options();
TIDEMILL_COMMON_TYPES template const Produced<std::string, std::int64_t>& no_options();
TIDEMILL_COMMON_TYPES template const Grouped<std::string, std::string>& no_options();
TIDEMILL_COMMON_TYPES template const Printed<std::string, std::string>& no_options();
TIDEMILL_COMMON_TYPES template const Joined<std::string, std::string, std::string>& no_options();
TIDEMILL_COMMON_TYPES template const Materialized<std::string, std::string>& no_options();
TIDEMILL_COMMON_TYPES template const Materialized<std::string, std::int64_t>& no_options();
}  // namespace detail

}  // namespace tidemill
